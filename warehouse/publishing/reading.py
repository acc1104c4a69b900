"""What a reader sees: all tables in one published state, the newest or an earlier one, never a mix of two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from warehouse.contract.errors import SparkhouseError
from warehouse.publishing.journal import milliseconds, moment, utc_moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from warehouse.publishing.journal import Journal
    from warehouse.publishing.tables import Change


class NoSuchState(SparkhouseError, LookupError):
    """There is no state of a table that was published by then, or it is no longer kept."""


class Readable(Protocol):
    """A table, as far as it tells which of its snapshots readers see, and saw."""

    @property
    def name(self) -> str:
        """`schema.table`."""

    @property
    def changes(self) -> Sequence[Change]:
        """Every switch of `main` to a snapshot that is still kept, the oldest first."""

    def head(self) -> int | None:
        """Return the snapshot that `main` is at; None if there is nothing on it."""


class PublishedMove(NamedTuple):
    """A table that a run's publication moved, the `position`-th of it; times are milliseconds since 1970 UTC."""

    run_id: str
    started_at: int
    published_at: int
    position: int
    table: str
    snapshot_id: int | None


class Catalog(Protocol):
    """Where the tables of a warehouse are found, and what was published of them when."""

    def find(self, name: str) -> Readable | None:
        """Return a table, None if there is none of that name."""

    def moves(self) -> Iterable[PublishedMove]:
        """Return what publications and rollbacks moved, in any order."""


@dataclass(frozen=True)
class Moment:
    """A moment of the past: states published `until` (milliseconds since 1970 UTC) are seen, at it or before it."""

    until: int
    inclusive: bool = True

    def sees(self, at: int) -> bool:
        """Whether what was published at a moment is seen."""
        return at <= self.until if self.inclusive else at < self.until

    def __str__(self) -> str:
        return f"{moment(self.until).isoformat(timespec='milliseconds')}"


def newest_snapshots(catalog: Catalog, journal: Journal, names: Iterable[str]) -> dict[str, int | None]:
    """Return the snapshot of each table in the newest published state; None for a table without rows in it.

    While a publication is under way, or after it was cut short, this is the state before it. The journal is read again
    at the end: had it changed, the tables would have been looked at in different states.
    """
    existing = _found(catalog, names)
    while True:
        before = journal.read()
        heads = {table.name: table.head() for table in existing}
        if before and before.finished_at is None:
            heads |= {move.table: move.before for move in before.moves if move.table in heads}
        if journal.read() == before:
            return heads


def resolve_moment(catalog: Catalog, text: str) -> Moment:
    """Return the moment that a text means: a run, for the state that it published, or an ISO 8601 time (UTC).

    A time while a publication was under way is taken for the moment before it. Raises NoSuchState.
    """
    moves = sorted(catalog.moves(), key=lambda move: (move.started_at, move.position))
    times = list(dict.fromkeys((move.run_id, move.started_at, move.published_at) for move in moves))
    ended = [end for run_id, _, end in times if run_id == text]
    if ended:
        left = {move.table: move.snapshot_id for move in moves if move.run_id == text}
        _require_own_state(catalog, text, left, Moment(ended[-1]))
        return Moment(ended[-1])
    try:
        until = milliseconds(utc_moment(text))
    except ValueError as error:
        runs = ", ".join(dict.fromkeys(run_id for run_id, _, _ in reversed(times[-5:]))) or "none yet"
        msg = f"{text} is neither a run that published something ({runs}) nor a time such as 2026-11-24T05:30:00"
        raise NoSuchState(msg) from error
    under_way = [start for _, start, end in times if start <= until < end]
    return Moment(under_way[0], inclusive=False) if under_way else Moment(until)


def _require_own_state(catalog: Catalog, run_id: str, left: Mapping[str, int | None], when: Moment) -> None:
    """Raise NoSuchState if at the end of a run the tables are not what it left: a clock told it another time."""
    existing = _found(catalog, (table for table, snapshot_id in left.items() if snapshot_id is not None))
    other = [table.name for table in existing if _seen(table, when)[-1:] not in ([], [left[table.name]])]
    if other:
        raise NoSuchState(
            f"{run_id} was published at {when} by a clock that was ahead, and {', '.join(other)} changed since: "
            "its state cannot be told by time any more; `sparkhouse rollback` of the runs after it brings it back"
        )


def snapshots_as_of(catalog: Catalog, when: Moment, names: Iterable[str]) -> Mapping[str, int]:
    """Return the snapshot that each table was at. Raises NoSuchState."""
    existing = _found(catalog, names)
    return {table.name: _snapshot_as_of(table, when) for table in existing}


def _found(catalog: Catalog, names: Iterable[str]) -> list[Readable]:
    return [table for table in map(catalog.find, names) if table]


def _snapshot_as_of(table: Readable, when: Moment) -> int:
    seen = _seen(table, when)
    if not seen:
        changes = table.changes
        oldest = f"the oldest state that is kept is of {Moment(changes[0].at)}" if changes else "it has no rows yet"
        raise NoSuchState(f"{table.name} has no published state as of {when}: {oldest}")
    return seen[-1]


def _seen(table: Readable, when: Moment) -> list[int]:
    return [change.snapshot_id for change in table.changes if when.sees(change.at)]
