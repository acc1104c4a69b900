"""Bounds on what the staging folder takes: no archive of a few bytes, and no log, fills a disk."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, BinaryIO

from warehouse.contract.errors import SparkhouseError
from warehouse.landing.formats.lines_of_text import LineWatch

if TYPE_CHECKING:
    from pathlib import Path

# Logs unpack to some 10 to 40 times their size; what is small harms nobody.
HARMLESS_BYTES = 256 << 20
MOST_TIMES_PACKED = 250
LIMIT_VARIABLE = "SPARKHOUSE_UNPACK_LIMIT_GB"
_GB = 1 << 30
# Room that is left to others, and how often it is looked for.
_SPARE_BYTES = 256 << 20
_LOOK_EVERY = 64 << 20


class NoRoomToStage(SparkhouseError, OSError):
    """A log cannot be copied or unpacked into the staging folder."""


class UnpacksTooLarge(SparkhouseError, ValueError):
    """An archive that unpacks to more than a log of its size would."""


class InvalidUnpackLimit(SparkhouseError, ValueError):
    """The variable that overrules the bound has a value that it cannot have."""


class Room:
    """What one log may take: `packed_bytes` is its size as the user has it."""

    def __init__(self, log: Path, packed_bytes: int, folder: Path) -> None:
        self._log, self._packed_bytes, self._folder = log, packed_bytes, folder
        self._limit = unpack_limit(packed_bytes)
        self._unpacked = self._since_look = 0

    def take(self, byte_count: int, *, is_unpacked: bool) -> None:
        """Account for bytes before they are written. Raises UnpacksTooLarge or NoRoomToStage."""
        self._unpacked += byte_count if is_unpacked else 0
        if self._unpacked > self._limit:
            raise UnpacksTooLarge(
                f"{self._log} has {self._packed_bytes:,} bytes and unpacks to more than {self._limit:,}: if that is "
                f"right, set {LIMIT_VARIABLE} to the gigabytes that it may have; nothing was ingested"
            )
        self._since_look += byte_count
        if self._since_look >= _LOOK_EVERY:
            self._since_look = 0
            if shutil.disk_usage(self._folder).free < _SPARE_BYTES + _LOOK_EVERY:
                raise NoRoomToStage(
                    f"{self._log} cannot be copied or unpacked to {self._folder}: the disk is nearly full; make room "
                    "there; nothing was ingested"
                )


def unpack_limit(packed_bytes: int) -> int:
    """Return the most bytes that an archive of some size may unpack to. Raises InvalidUnpackLimit."""
    chosen = os.environ.get(LIMIT_VARIABLE)
    if not chosen:
        return max(HARMLESS_BYTES, MOST_TIMES_PACKED * packed_bytes)
    try:
        limit = int(float(chosen) * _GB)
    except (ValueError, OverflowError):
        limit = 0
    if limit <= 0:
        raise InvalidUnpackLimit(f"{LIMIT_VARIABLE} is {chosen!r}: set it to a number of gigabytes, such as 20")
    return limit


class RoomyFile:
    """A file that is written within a Room, and knows whether a line in it is too long."""

    def __init__(self, file: BinaryIO, room: Room, *, is_unpacked: bool) -> None:
        self._file, self._room, self._is_unpacked = file, room, is_unpacked
        self._watch = LineWatch()

    @property
    def has_long_line(self) -> bool:
        return self._watch.too_long

    def write(self, data: bytes) -> int:
        self._room.take(len(data), is_unpacked=self._is_unpacked)
        self._watch.take(data)
        return self._file.write(data)

    def truncate(self, size: int) -> int:
        return self._file.truncate(size)

    def seek(self, place: int) -> int:
        return self._file.seek(place)
