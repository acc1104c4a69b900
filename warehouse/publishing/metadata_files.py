"""Iceberg's metadata files as they lie on disk: JSON, plain or packed, with Hadoop's check sums beside them."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import TYPE_CHECKING, Any

from warehouse.contract.files import replace_file

if TYPE_CHECKING:
    from pathlib import Path

GZIP = b"\x1f\x8b"
UNREADABLE = (OSError, ValueError, LookupError, TypeError, AttributeError, EOFError, zlib.error)


def parsed(content: bytes) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Return what a metadata file says, plain or packed."""
    return json.loads(gzip.decompress(content) if content.startswith(GZIP) else content)


def read_metadata(path: Path) -> dict[str, Any]:
    """Return the content of a metadata file; nothing of a damaged one."""
    try:
        metadata = parsed(path.read_bytes())
    except UNREADABLE:
        return {}
    return metadata if isinstance(metadata, dict) else {}


def rewrite_metadata(path: Path, metadata: dict[str, Any]) -> None:
    """Let a metadata file say something else, packed as it was."""
    replace(path, packed_like(path.read_bytes(), metadata))


def packed_like(former: bytes, metadata: dict[str, Any]) -> bytes:
    """Return the content of a metadata file, packed where the one that it replaces is."""
    content = json.dumps(metadata).encode()
    return gzip.compress(content) if former.startswith(GZIP) else content


def replace(path: Path, content: bytes) -> None:
    """Replace a file, and forget the check sums that Hadoop keeps of what it was."""
    checksums_of(path).unlink(missing_ok=True)
    replace_file(path, content)


def checksums_of(path: Path) -> Path:
    """Return the file in which Hadoop keeps the check sums of another."""
    return path.with_name(f".{path.name}.crc")
