"""Event files that appear whole or not at all."""

import gzip
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path
from typing import IO, cast

COMPRESSION = 5


class EventFiles:
    """Files being written under temporary names beside their own. One is open at a time."""

    def __init__(self, out: Path, *, by_day: bool) -> None:
        self._out, self._by_day = out, by_day
        self._partial: dict[Path, Path] = {}
        self._open_path: Path | None = None
        self._open: IO[bytes] | None = None
        self._closing = ExitStack()
        (out if by_day else out.parent).mkdir(parents=True, exist_ok=True)

    def write(self, day: date, lines: bytes) -> None:
        """Append lines to the file of that UTC day, or to the only file."""
        path = self._out / f"events-{day}.json" if self._by_day else self._out
        if path != self._open_path:
            self._switch(path)
        cast("IO[bytes]", self._open).write(lines)

    def publish(self) -> tuple[Path, ...]:
        """Give all files their names; returns them in the order of their days."""
        self._closing.close()
        for path, partial in self._partial.items():
            partial.replace(path)
        return tuple(sorted(self._partial))

    def discard(self) -> None:
        self._closing.close()
        for partial in self._partial.values():
            partial.unlink(missing_ok=True)

    def _switch(self, path: Path) -> None:
        self._closing.close()
        mode = "ab" if path in self._partial else "wb"
        partial = self._partial.setdefault(path, path.with_name(f".{path.name}.{os.getpid()}.partial"))
        plain = self._closing.enter_context(partial.open(mode))
        # No name and no time in the gzip header: the same log is the same bytes.
        gzipped = path.suffix == ".gz"
        self._open = self._closing.enter_context(_gzip(plain)) if gzipped else plain
        self._open_path = path


def _gzip(plain: IO[bytes]) -> IO[bytes]:
    return cast("IO[bytes]", gzip.GzipFile("", "wb", COMPRESSION, plain, mtime=0))


@contextmanager
def event_files(out: Path, *, by_day: bool) -> Iterator[EventFiles]:
    """Files that are removed if the block fails. Call `publish` at its end."""
    files = EventFiles(out, by_day=by_day)
    try:
        yield files
    except BaseException:
        files.discard()
        raise
