"""The file systems by which Arrow reads and writes, in tasks without Java."""

from __future__ import annotations

import re

from pyarrow import ArrowException
from pyarrow.fs import FileSystem, LocalFileSystem

from warehouse.contract.files import path_here


def file_system_of(place: str) -> tuple[FileSystem, str]:
    """Return the file system that a path or a URI is of, as Arrow has it, and the path in it. Raises OSError.

    What follows the store's name in a URI is taken as it stands, as Hadoop does: keys may have spaces, `%` and `#`.
    """
    if path := path_here(place):
        return LocalFileSystem(), str(path)
    # Hadoop's names of the same store.
    scheme, _, rest = re.sub("^s3[an]:", "s3:", place).partition("://")
    store, _, name = rest.partition("/")
    try:
        found, root = FileSystem.from_uri(f"{scheme}://{store}/")
    except ArrowException as error:
        raise OSError(str(error)) from error
    return found, f"{root.rstrip('/')}/{name}".rstrip("/") or "/"
