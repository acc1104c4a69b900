"""The file systems by which Arrow reads and writes, in tasks without Java."""

from __future__ import annotations

import re

from pyarrow.fs import FileSystem, LocalFileSystem

from warehouse.contract.files import path_here


def file_system_of(place: str) -> tuple[FileSystem, str]:
    """Return the file system that a path or a URI is of, as Arrow has it, and the path in it."""
    if path := path_here(place):
        return LocalFileSystem(), str(path)
    # Hadoop's names of the same store.
    found: tuple[FileSystem, str] = FileSystem.from_uri(re.sub("^s3[an]:", "s3:", place))
    return found
