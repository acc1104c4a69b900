"""How the web app is run: by the command line, the same for all requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MOST_BYTES = 50_000_000
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


@dataclass(frozen=True)
class Settings:
    """Where the publications and the report lie, by which names the server is called, and who may ask.

    Without a `token` everybody may who reaches the server: it is bound to this machine then. `read_only` takes nothing
    in: no upload, no scoring.
    """

    stores: Path
    reports: Path
    token: str | None = None
    host_names: frozenset[str] = LOCAL_NAMES
    read_only: bool = False
    most_bytes: int = MOST_BYTES
