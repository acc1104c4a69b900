"""Single files by their path or URI, wherever they are stored: a folder, an object store, HDFS."""

from __future__ import annotations

from warehouse.contract.files import path_here
from warehouse.publishing.metadata_files import replace


def read_file(place: str) -> bytes:
    """Return the bytes of a file. Raises OSError, FileNotFoundError where there is none."""
    if path := path_here(place):
        return path.read_bytes()
    from pyiceberg.io import load_file_io

    with load_file_io(location=place).new_input(place).open() as file:
        return bytes(file.read())


def write_file(place: str, content: bytes) -> None:
    """Write a file whole or not at all; Hadoop's check sums of what it was go. Raises OSError."""
    if path := path_here(place):
        replace(path, content)
        return
    from pyiceberg.io import load_file_io

    with load_file_io(location=place).new_output(place).create(overwrite=True) as file:
        file.write(content)
