"""What a SQL server is asked to be."""

from __future__ import annotations

from dataclasses import dataclass

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Serving:
    """Where clients of Hive's protocol reach a server (nowhere without a port), and its limits.

    It ends after `idle_minutes` in which nobody asks, if it ever does; a statement of a client after `timeout` seconds,
    and with an error where it has more than `most_rows`, whatever their number if that is 0.
    """

    host: str = LOOPBACK
    port: int | None = None
    timeout: float | None = None
    most_rows: int = 0
    idle_minutes: float | None = None
