"""Files: where they lie, and how they appear whole or not at all."""

from __future__ import annotations

import os
import re
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container


def replace_file(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Write a file whole or not at all, on disk before this returns; of its mode, the user's umask takes its part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.draft")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def local_path(location: str) -> Path:
    """Return the path that a location of Iceberg names on this machine: `/a/b`, `file:/a/b` or `file:///a/b`."""
    return Path(re.sub(r"^file:/+", "/", location))


def path_here(place: str) -> Path | None:
    """Return the path on this machine that a place of files names; None of a URI of a store."""
    path = local_path(place)
    return path if path.is_absolute() else None


def hash_of_files(folder: Path, suffixes: Container[str]) -> str:
    """Return a SHA-256 of the names and contents of the files below a folder that have one of some suffixes."""
    digest = sha256()
    for path in sorted(path for path in folder.rglob("*") if path.suffix in suffixes):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
