"""`sparkhouse licences`: the packages of the lock file that are installed, and their licences as they state them."""

from __future__ import annotations

import re
from dataclasses import astuple, dataclass, fields
from importlib import metadata
from typing import TYPE_CHECKING

from cli.machine.home import REPOSITORY
from cli.printing.console import print_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCK = REPOSITORY / "requirements.lock"
PIN = re.compile(r"^(?P<name>[A-Za-z0-9_.-]+)==(?P<version>[^\s;\\]+)[^\n]*\n(?P<origin>(?:[ ].*\n?)*)", re.MULTILINE)
LONGEST_NAME = 60
UNKNOWN = "unknown"
# The same licence in the words of different packages. "BSD License" and the like name no one licence, and stay.
SPELLINGS = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "BSD": "BSD License",
    "BSD license": "BSD License",
    "http://www.apache.org/licenses/LICENSE-2.0": "Apache-2.0",
    "ISC License": "ISC",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "MIT license": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
SAY_NOTHING = {"", "OSI Approved", "DFSG approved", "UNKNOWN", "Dual License"}
MIT_GRANT = "Permission is hereby granted, free of charge, to any person obtaining a copy of this software"


@dataclass(frozen=True)
class Package:
    """An installed pin of the lock file; `direct` where pyproject.toml itself asks for it, for use or development."""

    name: str
    version: str
    licence: str
    direct: bool


def packages() -> list[Package]:
    """The pins that are installed here, by name; a pin for another Python or system is not, and has no entry."""
    installed = {_normal(package.metadata["Name"]): package for package in metadata.distributions()}
    found = [
        Package(_normal(pin["name"]), pin["version"], licence_of(package), "(pyproject.toml" in pin["origin"])
        for pin in PIN.finditer(LOCK.read_text())
        if (package := installed.get(_normal(pin["name"]))) and package.version == pin["version"]
    ]
    return sorted(found, key=lambda package: package.name)


def licence_of(package: metadata.Distribution) -> str:
    """What a package's metadata names as its licence: an SPDX expression where it gives one."""
    for stated in (*_fields(package), *_files(package)):
        licence = SPELLINGS.get(stated, stated)
        if licence not in SAY_NOTHING:
            return licence
    return UNKNOWN


def print_licences(style: str) -> None:
    """Print the packages to standard output as `table`, `csv` or `json`."""
    print_rows([field.name for field in fields(Package)], [astuple(package) for package in packages()], style)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _fields(package: metadata.Distribution) -> Iterator[str]:
    """The metadata's fields from the most exact to the least."""
    yield from package.metadata.get_all("License-Expression") or []
    for text in package.metadata.get_all("License") or []:
        # Some put the whole licence into the field for its name.
        if len(text) <= LONGEST_NAME and "\n" not in text:
            yield text.rpartition(" :: ")[-1]
    classifiers = package.metadata.get_all("Classifier") or []
    names = [text.rpartition(" :: ")[-1] for text in classifiers if text.startswith("License ::")]
    yield "; ".join(SPELLINGS.get(name, name) for name in names if name not in SAY_NOTHING)


def _files(package: metadata.Distribution) -> Iterator[str]:
    """MIT where a licence file grants it in its own words: a few packages say it nowhere else."""
    for file in package.metadata.get_all("License-File") or []:
        text = package.read_text(f"licenses/{file}") or package.read_text(file) or ""
        yield "MIT" if MIT_GRANT in " ".join(text.split()) else ""
