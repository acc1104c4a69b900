"""Text out of a log on its way to people: shown on a terminal, never obeyed; kept text in a spreadsheet, no formula."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# What makes a spreadsheet take a cell for a formula (OWASP, "CSV Injection"), the full-width forms too.
_FORMULA = re.compile("[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
# Controls (C0, DEL, C1), line and paragraph separators, what turns the direction of writing or cannot be seen,
# halves of surrogate pairs. The joiners U+200C and U+200D stay: words of some scripts and emoji are spelt with them.
UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)

LINES = "\n"  # what a message of several lines keeps


def defused(text: str) -> str:
    """The text of a CSV cell, with an apostrophe before what a spreadsheet would run as a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def defused_cells(cells: Iterable[object]) -> list[object]:
    """The cells of a line of CSV: texts defused, numbers as they are."""
    return [defused(cell) if isinstance(cell, str) else cell for cell in cells]


def visible(text: str, keep: str = "") -> str:
    r"""The text with all that a terminal would obey, or would not show, written as an escape: `\n`, `\x1b`, `\u202e`.

    `keep` are characters that stay, such as LINES.
    """
    return UNSEEN.sub(lambda found: found[0] if found[0] in keep else found[0].encode("unicode_escape").decode(), text)
