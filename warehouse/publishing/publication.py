"""Publishing what a run wrote, taking a publication back, and finishing one that was cut short."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from warehouse.contract.errors import SparkhouseError
from warehouse.publishing import records
from warehouse.publishing.branch import written_tables
from warehouse.publishing.journal import PUBLISH, ROLLBACK, Move, Publication, now
from warehouse.publishing.tables import Table, tables

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from warehouse.publishing.journal import Journal


class MainHasMoved(SparkhouseError, RuntimeError):
    """Somebody wrote to `main` while the run was at work on its branch."""


class NotPublished(SparkhouseError, LookupError):
    """The run published nothing that could be taken back."""


class SnapshotExpired(SparkhouseError, RuntimeError):
    """Iceberg no longer keeps the state that a table should go back to."""


@dataclass(frozen=True)
class Publisher:
    """Moves tables from one published state to the next; the caller holds the writers' lock."""

    spark: SparkSession
    journal: Journal

    def publish(self, run_id: str) -> Publication | None:
        """Fast-forward all tables that the run wrote; None if it wrote none.

        Inputs go before what is made of them, so a mart on `main` is never newer than what it was made of. Afterwards
        the run has no branch any more. Raises MainHasMoved, and nothing is published.
        """
        written = written_tables(self.spark, run_id)
        for table in written:
            if not table.descends(table.head(run_id) or 0, table.head()):
                msg = (
                    f"{table.name} was written by somebody else while run {run_id} was at work: nothing is published; "
                    "run again, and let no bare dbt command write at the same time"
                )
                raise MainHasMoved(msg)
        moves = tuple(Move(table.name, table.head(), table.head(run_id)) for table in written)
        return self._begin(run_id, PUBLISH, moves) if moves else None

    def roll_back(self, run_id: str, rollback_id: str) -> Publication:
        """Return every table to the state before the first publication of a run, what was made since included.

        The rollback is a publication of its own, `rollback_id`, and can be rolled back. Raises NotPublished,
        SnapshotExpired.
        """
        states = records.states_before(self.spark, run_id)
        if not states:
            known = ", ".join(records.published_runs(self.spark)[:5]) or "none"
            raise NotPublished(f"no publication of run {run_id} is on record; the newest are of {known}")
        heads = {table.name: table.head() for table in tables(self.spark)}
        moves = [Move(name, heads.get(name), before) for name, before in states if heads.get(name) != before]
        for move in moves:
            if move.after is not None and move.after not in Table(move.table, self.spark).snapshot_ids:
                msg = (
                    f"{move.table} as it was before run {run_id} (snapshot {move.after}) is no longer kept: "
                    "`sparkhouse maintain` has expired it; nothing was rolled back"
                )
                raise SnapshotExpired(msg)
        return self._begin(rollback_id, ROLLBACK, tuple(moves))

    def finish(self) -> Publication | None:
        """Finish a publication that was cut short, as far as it has not been; None if there is none.

        Of a damaged journal nobody knows whether it told of one: then the tables themselves tell.
        """
        if self.journal.is_damaged:
            self.journal.words.set_aside()
            half_published = self._half_published()
            return self.publish(half_published) if half_published else None
        unfinished = self.journal.unfinished
        return self._carry_out(unfinished) if unfinished else None

    def _half_published(self) -> str | None:
        """The run of which some tables have moved to `main`, and others still stand on its branch ahead of it."""
        moved, ahead = set[str](), set[str]()
        for table in tables(self.spark):
            main = table.head()
            for run_id in table.branches:
                if table.head(run_id) == main:
                    moved.add(run_id)
                elif table.descends(table.head(run_id) or 0, main):
                    ahead.add(run_id)
        return max(moved & ahead, default=None)

    def _begin(self, run_id: str, action: str, moves: tuple[Move, ...]) -> Publication:
        # Later than the one before, whatever became of the clock meanwhile: what comes after what is told by the times.
        newest = self.journal.read()
        earliest = (newest.finished_at or newest.started_at) + 1 if newest else 0
        publication = Publication(run_id, action, moves, started_at=max(now(), earliest))
        self.journal.write(publication)
        return self._carry_out(publication)

    def _carry_out(self, publication: Publication) -> Publication:
        """Move the tables, record it, forget the branch. Each step can be repeated: what was done is found done."""
        for move in publication.moves:
            self._move(publication, move)
        finished = publication.finished()
        records.record_publication(self.spark, finished)
        for move in publication.moves:
            self._drop_branch(move, publication.run_id)
        self.journal.write(finished)
        return finished

    def _move(self, publication: Publication, move: Move) -> None:
        table = Table(move.table, self.spark)
        head = table.head()
        if head == move.after:
            return
        if move.after is None:
            # `main` cannot be taken away from a table: it is emptied.
            self.spark.sql(f"delete from {move.table}")  # noqa: S608 - our own table
        elif publication.action == PUBLISH and head == move.before:
            table.fast_forward(publication.run_id)
        else:
            table.set_main(move.after)

    def _drop_branch(self, move: Move, run_id: str) -> None:
        table = Table(move.table, self.spark)
        if run_id in table.branches:
            table.drop_branch(run_id)
