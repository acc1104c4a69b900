"""Files: where they lie, and how they appear whole or not at all."""

from __future__ import annotations

import os
import re
from pathlib import Path


def replace_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, on disk before this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.draft")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def local_path(location: str) -> Path:
    """Return the path that a location of Iceberg names on this machine: `/a/b`, `file:/a/b` or `file:///a/b`."""
    return Path(re.sub(r"^file:/+", "/", location))
