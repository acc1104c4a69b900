"""Blocks of text files, each of whole lines, so that several tasks can read one file."""

from __future__ import annotations

from codecs import BOM_UTF8
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# What is read at a time: some ten thousand events.
_PIECE = 4 << 20


class Block(NamedTuple):
    """The bytes from `start` to `end` of a file; `file_name` is its name in the folder of the logs."""

    file_name: str
    start: int
    end: int

    @property
    def byte_count(self) -> int:
        return self.end - self.start


def blocks_of(path: Path, size: int) -> list[Block]:
    """Return a file as blocks of `size` bytes and the rest of the line that begins there; of an empty file, none."""
    byte_count = path.stat().st_size
    blocks = []
    start = 0
    with path.open("rb") as file:
        while start < byte_count:
            end = min(start + size, byte_count)
            if end < byte_count:
                file.seek(end - 1)
                file.readline()
                end = file.tell()
            blocks.append(Block(path.name, start, end))
            start = end
    return blocks


def packed(blocks: list[Block], size: int) -> list[list[Block]]:
    """Return blocks in packs of about `size` bytes at most, in their order: small files share a task."""
    packs: list[list[Block]] = []
    filled = size
    for block in blocks:
        if filled + block.byte_count > size:
            packs.append([])
            filled = 0
        packs[-1].append(block)
        filled += block.byte_count
    return packs


def count_lines(folder: Path, block: Block) -> int:
    """Count the lines of a block; the last one of a file may lack its end."""
    count, last = 0, b"\n"
    for piece in _pieces(folder, block):
        count += piece.count(b"\n")
        last = piece[-1:]
    return count + (last != b"\n")


def batches_of_lines(folder: Path, block: Block) -> Iterator[list[bytes]]:
    """Yield the lines of a block, some thousand at a time, without their ends and without a byte order mark."""
    rest = b""
    for piece in _pieces(folder, block):
        text, end, begun = piece.rpartition(b"\n")
        if end:
            yield _lines(rest + text)
            rest = begun
        else:
            rest += begun
    if rest:
        yield _lines(rest)


def _lines(text: bytes) -> list[bytes]:
    lines = text.split(b"\n")
    return [line.removeprefix(BOM_UTF8) for line in lines] if BOM_UTF8 in text else lines


def _pieces(folder: Path, block: Block) -> Iterator[bytes]:
    with (folder / block.file_name).open("rb") as file:
        file.seek(block.start)
        left = block.byte_count
        while left and (piece := file.read(min(_PIECE, left))):
            left -= len(piece)
            yield piece
