"""The states of the United States as tiles of one size: (row, column) by postal code, roughly where they lie."""

from __future__ import annotations

_ROWS = (
    "ME:0,11",
    "VT:1,10 NH:1,11",
    "WA:2,1 ID:2,2 MT:2,3 ND:2,4 MN:2,5 IL:2,6 WI:2,7 MI:2,8 NY:2,9 RI:2,10 MA:2,11",
    "OR:3,1 NV:3,2 WY:3,3 SD:3,4 IA:3,5 IN:3,6 OH:3,7 PA:3,8 NJ:3,9 CT:3,10",
    "CA:4,1 UT:4,2 CO:4,3 NE:4,4 MO:4,5 KY:4,6 WV:4,7 VA:4,8 MD:4,9 DE:4,10",
    "AZ:5,2 NM:5,3 KS:5,4 AR:5,5 TN:5,6 NC:5,7 SC:5,8 DC:5,9",
    "OK:6,4 LA:6,5 MS:6,6 AL:6,7 GA:6,8",
    "AK:7,0 HI:7,1 TX:7,4 FL:7,9",
)


def _tile(text: str) -> tuple[str, tuple[int, int]]:
    state, _, place = text.partition(":")
    row, _, column = place.partition(",")
    return state, (int(row), int(column))


STATE_TILES = dict(_tile(text) for row in _ROWS for text in row.split())
