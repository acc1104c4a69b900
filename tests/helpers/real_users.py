"""Two complete users of the published log, where their events are to hand."""

from __future__ import annotations

import lzma
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

REAL_USERS = ("113", "87")


def append_real_users(log: Path, shared: Path | None) -> None:
    """Append their events to a log; without a folder of real data, leave it as it is."""
    if shared:
        with log.open("ab") as lines:
            for user in REAL_USERS:
                packed = shared / "real_events" / f"mini_user_{user}.json.xz"
                lines.write(lzma.decompress(packed.read_bytes()) + b"\n")
