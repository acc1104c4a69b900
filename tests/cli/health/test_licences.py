"""The licences of what the lock file installs."""

from __future__ import annotations

import csv
import json
from importlib import metadata
from typing import TYPE_CHECKING

import pytest

from cli.health.licences import UNKNOWN, Package, licence_of, packages, print_licences

if TYPE_CHECKING:
    from pathlib import Path


def stated(folder: Path, header: str, **files: str) -> str:
    """The licence of a package with this metadata and these licence files."""
    about = folder / "stated-1.0.dist-info"
    (about / "licenses").mkdir(parents=True)
    listed = "".join(f"License-File: {name}\n" for name in files)
    (about / "METADATA").write_text(f"Metadata-Version: 2.4\nName: stated\nVersion: 1.0\n{header}{listed}")
    for name, text in files.items():
        (about / "licenses" / name).write_text(text)
    return licence_of(metadata.Distribution.at(about))


@pytest.mark.parametrize(
    ("header", "licence"),
    [
        ("License-Expression: MIT OR Apache-2.0\nLicense: BSD\n", "MIT OR Apache-2.0"),
        ("License: Apache License, Version 2.0\nClassifier: License :: OSI Approved :: MIT License\n", "Apache-2.0"),
        ("License: License :: OSI Approved :: MIT License\n", "MIT"),
        (
            "License: Copyright (c) 2020\n        All rights reserved\nClassifier: License :: Public Domain\n",
            "Public Domain",
        ),
        (
            "License: Dual License\nClassifier: License :: Public Domain\nClassifier: License :: Freeware\n",
            "Public Domain; Freeware",
        ),
        ("License: UNKNOWN\nClassifier: License :: OSI Approved\nClassifier: Topic :: Database\n", UNKNOWN),
        ("", UNKNOWN),
    ],
)
def test_a_licence_is_what_the_metadata_states_most_exactly(tmp_path: Path, header: str, licence: str) -> None:
    assert stated(tmp_path, header) == licence


def test_the_words_of_the_mit_licence_are_known_in_a_licence_file(tmp_path: Path) -> None:
    words = "Permission is hereby granted, free of charge, to any person\nobtaining a copy of this software"
    assert stated(tmp_path / "mit", "", AUTHORS="All of us", LICENSE=f"Copyright (c) 2020\n\n{words} ...") == "MIT"
    assert stated(tmp_path / "own", "", LICENSE="All rights reserved") == UNKNOWN


def test_all_installed_pins_are_listed_by_name_and_state_their_licence() -> None:
    listed = packages()
    names = [package.name for package in listed]
    assert names == sorted(set(names))
    assert len(names) > 100
    assert not [package for package in listed if package.licence == UNKNOWN or len(package.licence) > 100]
    assert all(metadata.version(package.name) == package.version for package in listed)


def test_what_pyproject_asks_for_is_direct_and_what_that_needs_is_not() -> None:
    direct = {package.name for package in packages() if package.direct}
    assert {"pyspark", "pyyaml", "great-expectations", "ruff"} <= direct
    assert not {"py4j", "pluggy", "click"} & direct
    assert Package("pyspark", metadata.version("pyspark"), "Apache-2.0", direct=True) in packages()


def test_licences_are_printed_as_table_csv_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    print_licences("json")
    entries = json.loads(capsys.readouterr().out)
    assert [entry["name"] for entry in entries] == [package.name for package in packages()]
    assert set(entries[0]) == {"name", "version", "licence", "direct"}
    print_licences("csv")
    assert [row["licence"] for row in csv.DictReader(capsys.readouterr().out.splitlines())] == [
        entry["licence"] for entry in entries
    ]
    print_licences("table")
    assert " ".join(capsys.readouterr().out.split()).startswith("name version licence direct")
