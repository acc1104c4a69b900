"""Blocks of text: together they have every line of a file once, wherever they are cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.landing import blocks
from warehouse.landing.blocks import Block, batches_of_lines, blocks_of, count_lines, packed
from warehouse.landing.tasks import task_bytes

if TYPE_CHECKING:
    from pathlib import Path

PIECES = st.sampled_from([b"", b"\n", b"\n\n", b"a", b"bc" * 5, b"\r\n", b"\xef\xbb\xbf{", b"\xff\x00"])


def lines_of(folder: Path, block: Block) -> list[bytes]:
    return [line for batch in batches_of_lines(folder, block) for line in batch]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs")


@given(st.lists(PIECES, max_size=30), st.integers(1, 40), st.integers(1, 20))
def test_every_line_is_in_one_block(folder: Path, pieces: list[bytes], size: int, piece: int) -> None:
    text = b"".join(pieces)
    (folder / "log.txt").write_bytes(text)
    expected = [line.removeprefix(b"\xef\xbb\xbf") for line in text.removesuffix(b"\n").split(b"\n")] if text else []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "_PIECE", piece)
        found = blocks_of(folder / "log.txt", size)
        assert [line for block in found for line in lines_of(folder, block)] == expected
        assert [count_lines(folder, block) for block in found] == [len(lines_of(folder, block)) for block in found]
    assert [block.start for block in found[1:]] == [block.end for block in found[:-1]]
    assert sum(block.byte_count for block in found) == len(text)


def test_small_files_share_a_task_and_large_ones_have_several(tmp_path: Path) -> None:
    sizes = [3, 3, 3, 20, 1]
    small = [Block(str(number), 0, size) for number, size in enumerate(sizes)]
    assert [[block.byte_count for block in pack] for pack in packed(small, 10)] == [[3, 3, 3], [20], [1]]
    assert packed([], 10) == []
    (tmp_path / "log").write_bytes(b"123456789\n" * 10)
    assert [block.byte_count for block in blocks_of(tmp_path / "log", 25)] == [30, 30, 30, 10]


def test_cores_have_work_and_no_task_has_much() -> None:
    megabyte = 1 << 20
    assert task_bytes(200 * megabyte) == 25 * megabyte
    assert task_bytes(12_000 * megabyte) == 128 * megabyte
    assert task_bytes(100) == 8 * megabyte, "a day's few lines are one file of the table"
