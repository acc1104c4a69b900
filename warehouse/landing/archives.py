"""Packed logs: their text as far as it can be trusted, and what is wrong with the rest."""

from __future__ import annotations

import bz2
import lzma
import zlib
from typing import TYPE_CHECKING, BinaryIO, Protocol

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

BROKEN_OFF, DAMAGED, LINE_TOO_LONG = "archive broken off", "archive damaged", "line too long"
ARCHIVE_FAULTS = (BROKEN_OFF, DAMAGED, LINE_TOO_LONG)
# What may stand between and after streams: zeros of a tape or disk, a line end of whoever appended one.
_PADDING = b"\0 \t\r\n"
_MOST_AT_ONCE = 1 << 20
_MOST_AT_ONCE_OF_HEAD = 1 << 6  # a decompressor that comes to a fault gives nothing of what it was asked for
_PIECE = 1 << 16


def end_mark(fault: str) -> str:
    """Return what ends a line that is not what the log says: such a line is never blank, and never JSON."""
    return f"\0{fault}"


class Target(Protocol):
    """The part of the interface of a file, open for writing, that is used here."""

    def write(self, data: bytes, /) -> int: ...
    def truncate(self, size: int, /) -> int: ...
    def seek(self, place: int, /) -> int: ...


class Decompressor(Protocol):
    """The part of the interface of `bz2.BZ2Decompressor` that is used here."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _GzipDecompressor:
    """The same for gzip: it keeps the input that it has not come to."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)

    @property
    def eof(self) -> bool:
        return self._inflate.eof

    @property
    def unused_data(self) -> bytes:
        return self._inflate.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._inflate.decompress(self._inflate.unconsumed_tail + data, max_length)


DECOMPRESSORS: dict[str, Callable[[], Decompressor]] = {
    "gzip": _GzipDecompressor,
    "bzip2": bz2.BZ2Decompressor,
    "xz": lzma.LZMADecompressor,
}
ARROW_CODECS = ("zstd", "lz4")


class Unpacking(Protocol):
    """The text of an archive, in pieces.

    When they have come to an end, `fault` says whether the archive has ended too early or is damaged, and `sound_bytes`
    how much of a damaged archive's text can be trusted.

    An archive that ends too early has lost its end, but what comes before is right: it is kept to the last byte. Bytes
    that do not unpack, or a check sum that does not fit, mean that some byte before was changed, and nobody knows
    which: a single wrong bit in a gzip file of 4,473 events made hundreds of valid events that nobody had logged. So of
    a damaged archive, only the streams before the damaged one are kept. A changed length that points behind the
    archive's end is taken for an early end: nothing tells the two apart.
    """

    fault: str | None
    sound_bytes: int

    def __iter__(self) -> Iterator[bytes]: ...


def unpacking(source: BinaryIO, packing: str, most_at_once: int = _MOST_AT_ONCE) -> Unpacking:
    """Return the text of an open archive, one compressed stream or several."""
    if packing in ARROW_CODECS:
        return _ArrowUnpacking(source, packing)
    return _StreamUnpacking(source, packing, most_at_once)


def unpacked_head(path: Path, packing: str, size: int) -> tuple[bytes, bool]:
    """Return how the text of an archive begins, sound or not, and whether the archive is sound as far as that."""
    head = bytearray()
    with path.open("rb") as packed:
        text = unpacking(packed, packing, _MOST_AT_ONCE_OF_HEAD)
        for piece in text:
            head += piece
            if len(head) >= size:
                return bytes(head[:size]), True
        return bytes(head), not text.fault


def unpack(source: BinaryIO, packing: str, target: Target) -> str | None:
    """Write the text of an archive that can be trusted to a file that is empty; return its fault, if it has any."""
    text = unpacking(source, packing)
    for piece in text:
        target.write(piece)
    if text.fault == DAMAGED:
        target.truncate(text.sound_bytes)
        target.seek(text.sound_bytes)
    return text.fault


class _StreamUnpacking:
    """The text of an archive by a decompressor of Python's own, which says where a stream ends."""

    def __init__(self, source: BinaryIO, packing: str, most_at_once: int) -> None:
        self._source, self._decompressor, self._most_at_once = source, DECOMPRESSORS[packing], most_at_once
        self.fault: str | None = BROKEN_OFF
        self.sound_bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        stream: Decompressor | None = None
        done = 0
        data = b""
        while data or (data := self._source.read(_PIECE)):
            if stream is None:
                data = data.lstrip(_PADDING)
                if not data:
                    continue
                stream, self.fault = self._decompressor(), BROKEN_OFF
            try:
                text = stream.decompress(data, self._most_at_once)
                while text or stream.eof:
                    yield text
                    done += len(text)
                    if stream.eof:
                        break
                    text = stream.decompress(b"", self._most_at_once)
            except (OSError, EOFError, zlib.error, lzma.LZMAError):
                self.fault = DAMAGED
                return
            data = b""
            if stream.eof:
                data, stream, self.fault, self.sound_bytes = stream.unused_data, None, None, done


class _ArrowUnpacking:
    """The text of an archive by a decompressor of Arrow, which does not say where a stream ends.

    So of a damaged archive, nothing is kept. Neither form has to have check sums: where there are none, a changed byte
    may go unseen.
    """

    def __init__(self, source: BinaryIO, packing: str) -> None:
        self._source, self._codec = source, packing
        self.fault: str | None = None
        self.sound_bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        done = 0
        file, stream = self._start()
        try:
            while text := stream.read(_PIECE):
                done += len(text)
                yield text
        except (OSError, pa.ArrowException) as error:
            _require_no_fault_of_the_machine(error)
            self.fault = BROKEN_OFF if file.has_ended else DAMAGED
        if self.fault == BROKEN_OFF:
            yield self._text_from(done)

    def _start(self) -> tuple[_Watched, pa.CompressedInputStream]:
        self._source.seek(0)
        file = _Watched(self._source)
        return file, pa.CompressedInputStream(pa.PythonFile(file, mode="r"), self._codec)

    def _text_from(self, done: int) -> bytes:
        """Return the text of a broken-off archive from some byte on: a read that comes to the end keeps it back."""
        _, stream = self._start()
        for _ in range(done // _PIECE):
            stream.read(_PIECE)
        rest = bytearray()
        try:
            while byte := stream.read(1):
                rest += byte
        except (OSError, pa.ArrowException) as error:
            _require_no_fault_of_the_machine(error)
        return bytes(rest)


def _require_no_fault_of_the_machine(error: Exception) -> None:
    if getattr(error, "errno", None):
        raise error


class _Watched:
    """An open file as Arrow reads it, that remembers whether it was read to its end."""

    closed = False

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.has_ended = False

    def read(self, size: int) -> bytes:
        data = self._file.read(size)
        self.has_ended = self.has_ended or (size > 0 and not data)
        return data

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def flush(self) -> None:
        """Nothing is written."""

    def close(self) -> None:
        self.closed = True
