"""Packed logs: their text as far as it can be trusted, and a mark where it ends too early."""

from __future__ import annotations

import bz2
import lzma
import zlib
from typing import TYPE_CHECKING, BinaryIO, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

BROKEN_OFF, DAMAGED = "archive broken off", "archive damaged"
ARCHIVE_FAULTS = (BROKEN_OFF, DAMAGED)
_MOST_AT_ONCE = 1 << 20


def end_mark(fault: str) -> str:
    """Return what ends the text of a faulty archive: its last line is never blank, and never JSON."""
    return f"\0{fault}"


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
    ".gz": _GzipDecompressor,
    ".bz2": bz2.BZ2Decompressor,
    ".xz": lzma.LZMADecompressor,
}


class Unpacker:
    """Writes the text of an archive, one compressed stream or several, to a file while its bytes are fed in.

    An archive that ends too early has lost its end, but what comes before is right: it is kept to the last byte. Bytes
    that do not unpack, or a check sum that does not fit, mean that some byte before was changed, and nobody knows
    which: a single wrong bit in a gzip file of 4,473 events made hundreds of valid events that nobody had logged. So of
    a damaged archive, only the streams before the damaged one are kept. In both cases a mark ends the text. A changed
    length that points behind the archive's end is taken for an early end: nothing tells the two apart.
    """

    def __init__(self, decompressor: Callable[[], Decompressor], target: BinaryIO) -> None:
        self._decompressor, self._target = decompressor, target
        self._stream: Decompressor | None = None
        self._fault: str | None = BROKEN_OFF
        self._sound_bytes = 0

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the archive. After damage, they are passed over."""
        while data and self._fault != DAMAGED:
            if self._stream is None:
                data = data.lstrip(b"\0")  # streams may be padded
                if not data:
                    return
                self._stream, self._fault = self._decompressor(), BROKEN_OFF
            data = self._unpack(self._stream, data)

    def close(self) -> None:
        """Take note that the archive has no more bytes."""
        if self._fault == DAMAGED:
            self._target.truncate(self._sound_bytes)
            self._target.seek(self._sound_bytes)
        if self._fault:
            self._target.write(end_mark(self._fault).encode())

    def _unpack(self, stream: Decompressor, data: bytes) -> bytes:
        """Return the bytes after the end of the stream; none if it goes on."""
        while not stream.eof:
            try:
                text = stream.decompress(data, _MOST_AT_ONCE)
            except (OSError, EOFError, zlib.error, lzma.LZMAError):
                self._fault = DAMAGED
                return b""
            if not text and not stream.eof:
                return b""
            self._target.write(text)
            data = b""
        self._stream, self._fault, self._sound_bytes = None, None, self._target.tell()
        return stream.unused_data
