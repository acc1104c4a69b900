"""A clock that was ahead: Iceberg refuses to write to a table that was last written later than now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from warehouse.contract.errors import SparkhouseError
from warehouse.publishing.journal import moment, now
from warehouse.publishing.location import table_folders
from warehouse.publishing.metadata_files import rewrite_metadata

if TYPE_CHECKING:
    from pathlib import Path

    from warehouse.publishing.location import TableFolder

# Iceberg's own tolerance between two machines: `TableMetadata.ONE_MINUTE`.
TOLERANCE = 60_000
_TIMES = ("last-updated-ms", "timestamp-ms")


class ClockWasAhead(SparkhouseError, RuntimeError):
    """Tables were written at a time that has not come yet."""


def require_past(warehouse: Path) -> None:
    """Raise ClockWasAhead if a table was last written later than now."""
    ahead = _written_ahead(warehouse)
    if ahead:
        newest = max(ahead, key=_last_written)
        raise ClockWasAhead(
            f"{newest.name} was last written at {_shown(_last_written(newest))}, and by this machine's clock it is "
            f"{_shown(now())}: set the clock right; where it was ahead then and is right now, "
            "`sparkhouse doctor --mend` dates what was written back to now"
        )


def date_back(warehouse: Path) -> list[str]:
    """Date what was written ahead of now back to now; return the tables. The caller holds the writers' lock."""
    ahead = _written_ahead(warehouse)
    for table in ahead:
        rewrite_metadata(table.metadata_files[0], _no_later(table.metadata, now()))
    return [table.name for table in ahead]


def _written_ahead(warehouse: Path) -> list[TableFolder]:
    latest = now() + TOLERANCE
    return [table for table in table_folders(warehouse) if _last_written(table) > latest]


def _shown(milliseconds: int) -> str:
    return moment(milliseconds).isoformat(timespec="seconds")


def _last_written(table: TableFolder) -> int:
    written = table.metadata.get("last-updated-ms")
    return written if isinstance(written, int) else 0


def _no_later(node: Any, latest: int) -> Any:  # noqa: ANN401 - whatever JSON holds
    if isinstance(node, list):
        return [_no_later(each, latest) for each in node]
    if isinstance(node, dict):
        return {key: min(value, latest) if key in _TIMES else _no_later(value, latest) for key, value in node.items()}
    return node
