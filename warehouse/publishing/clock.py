"""A clock that was ahead: Iceberg refuses to write to a table that was last written later than now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from warehouse.contract.errors import SparkhouseError
from warehouse.publishing.journal import moment, now

if TYPE_CHECKING:
    from collections.abc import Iterable

# Iceberg's own tolerance between two machines: `TableMetadata.ONE_MINUTE`.
TOLERANCE = 60_000
_TIMES = ("last-updated-ms", "timestamp-ms")


class Written(Protocol):
    """A table, as far as its newest metadata tell."""

    @property
    def name(self) -> str:
        """`schema.table`."""

    @property
    def metadata(self) -> dict[str, Any]:
        """What its newest metadata say; nothing where they are missing or damaged."""

    def rewrite(self, metadata: dict[str, Any]) -> None:
        """Let the newest metadata say something else."""


class ClockWasAhead(SparkhouseError, RuntimeError):
    """Tables were written at a time that has not come yet."""


def require_past(tables: Iterable[Written]) -> None:
    """Raise ClockWasAhead if a table was last written later than now."""
    ahead = _written_ahead(tables)
    if ahead:
        newest = max(ahead, key=_last_written)
        raise ClockWasAhead(
            f"{newest.name} was last written at {_shown(_last_written(newest))}, and by this machine's clock it is "
            f"{_shown(now())}: set the clock right; where it was ahead then and is right now, "
            "`sparkhouse doctor --mend` dates what was written back to now"
        )


def date_back(tables: Iterable[Written]) -> list[str]:
    """Date what was written ahead of now back to now; return the tables. The caller holds the writers' lock."""
    ahead = _written_ahead(tables)
    for table in ahead:
        table.rewrite(_no_later(table.metadata, now()))
    return [table.name for table in ahead]


def _written_ahead(tables: Iterable[Written]) -> list[Written]:
    latest = now() + TOLERANCE
    return [table for table in tables if _last_written(table) > latest]


def _shown(milliseconds: int) -> str:
    return moment(milliseconds).isoformat(timespec="seconds")


def _last_written(table: Written) -> int:
    written = table.metadata.get("last-updated-ms")
    return written if isinstance(written, int) else 0


def _no_later(node: Any, latest: int) -> Any:  # noqa: ANN401 - whatever JSON holds
    if isinstance(node, list):
        return [_no_later(each, latest) for each in node]
    if isinstance(node, dict):
        return {key: min(value, latest) if key in _TIMES else _no_later(value, latest) for key, value in node.items()}
    return node
