"""Steps about what readers see: branches, publications, rollback, upkeep."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from cli.machine.account import account
from cli.runs.records import DISCARDED, PUBLISHED, ROLLED_BACK, mark, require_stopped_by_gate
from cli.runs.spares import keep_spares
from cli.runs.upkeep import tidy

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import timedelta

    from cli.jobs.workspace import Workspace
    from warehouse.publishing.journal import Move
    from warehouse.publishing.publication import Publisher
    from warehouse.publishing.upkeep import Upkeep


def publisher(workspace: Workspace) -> Publisher:
    """What moves the tables of the state folder, and its journal."""
    from warehouse.publishing.publication import Publisher

    return Publisher(workspace.spark, workspace.home.journal)


@contextmanager
def on_branch(workspace: Workspace) -> Iterator[None]:
    """Let a block write on the branch of this run; what it does not publish stays there, for people to look at."""
    from warehouse.publishing import branch

    with branch.on_branch(workspace.spark, workspace.steps.run_id):
        try:
            yield
        except Exception:
            _tell_of_branch(workspace)
            raise


def finish_publication(workspace: Workspace) -> None:
    """Finish the publication of a run that was killed while it published; otherwise do nothing."""
    own = publisher(workspace)
    if own.journal.needs_finishing:
        with workspace.steps.step("finish") as step:
            if own.journal.is_damaged:
                step.detail = (
                    f"{own.journal.words.place} was damaged, and is set aside; no publication had been cut short"
                )
            publication = own.finish()
            if publication:
                _after_moves(workspace, publication.moves)
                step.rows_out = len(publication.moves)
                step.detail = (
                    f"run {publication.run_id} was stopped in the middle of its {publication.action}: "
                    f"all its {step.rows_out} tables are there now"
                )


def publish(workspace: Workspace, run_id: str | None = None) -> None:
    """Let all readers see what this run, or another one, has written so far."""
    chosen = run_id or workspace.steps.run_id
    with workspace.steps.step("publish") as step:
        publication = publisher(workspace).publish(chosen)
        moves = publication.moves if publication else ()
        _after_moves(workspace, moves)
        step.rows_in = step.rows_out = len(moves)
        step.detail = f"{len(moves)} tables of run {chosen}" if moves else "nothing was written"


def publish_accepted(workspace: Workspace, run_id: str, rules: Sequence[str], reason: str) -> None:
    """Publish a run that the gate stopped, in spite of named rules.

    Raises NothingUnpublished, NothingToAccept, StillStopped, NotStoppedByGate, MainHasMoved.
    """
    from expectations.gate import accept_findings
    from warehouse.publishing.branch import require_branch

    require_branch(workspace.spark, run_id)
    require_stopped_by_gate(workspace.home, run_id)
    with workspace.steps.step("accept") as step:
        found = accept_findings(workspace.spark, workspace.home.data_docs, run_id, rules, reason, by=account())
        step.rows_out = len(found)
        step.detail = f"{len(found)} findings of {', '.join(rules)}"
    publish(workspace, run_id)
    mark(workspace.home, run_id, PUBLISHED)


def roll_back(workspace: Workspace, run_id: str) -> None:
    """Return every table to the state before a run published."""
    with workspace.steps.step("rollback") as step:
        publication = publisher(workspace).roll_back(run_id, workspace.steps.run_id)
        _after_moves(workspace, publication.moves)
        step.rows_out = len(publication.moves)
        step.detail = f"{step.rows_out} tables are as they were before run {run_id}"
    mark(workspace.home, run_id, ROLLED_BACK)


def discard(workspace: Workspace, run_id: str | None, *, older: bool = False) -> None:
    """Take away what a run left on its branch, and all older runs or, without a run, all that left something.

    Raises NothingUnpublished.
    """
    from warehouse.publishing import branch

    chosen = [run_id] if run_id else []
    if older:
        chosen += [each for each in branch.unpublished_runs(workspace.spark) if run_id is None or each < run_id]
    for each in chosen:
        with workspace.steps.step("discard") as step:
            names = branch.discard(workspace.spark, each, workspace.home.own_warehouse)
            step.rows_out = len(names)
            step.detail = f"run {each} left {', '.join(names)}"
        mark(workspace.home, each, DISCARDED)
    if not chosen:
        workspace.steps.tell("No run has left anything unpublished.")


def maintain(workspace: Workspace, keep: timedelta) -> list[Upkeep]:
    """Compact small files, expire old snapshots, remove orphan files."""
    from warehouse.publishing import upkeep

    with workspace.steps.step("maintain") as step:
        needed = upkeep.needed_snapshots(workspace.spark, datetime.now(timezone.utc) - keep)
        tended = upkeep.maintain(workspace.spark, workspace.home.own_warehouse, needed, keep)
        keep_spares(workspace.home, [each.table for each in tended])
        tended += tidy(workspace.home)
        together = upkeep.total(tended)
        step.detail = (
            f"{together.bytes_before:,} bytes in {together.files_before:,} files before, "
            f"{together.bytes_after:,} in {together.files_after:,} after"
        )
    return tended


def _after_moves(workspace: Workspace, moves: Sequence[Move]) -> None:
    """Bring up to date what follows the tables: spares of their metadata, and MLflow's aliases the model versions."""
    from models_ml.tables import MODEL_VERSIONS

    tables = [move.table for move in moves]
    keep_spares(workspace.home, tables)
    if MODEL_VERSIONS in tables:
        from models_ml.registry.aliases import follow

        follow(workspace.spark, workspace.home.mlflow)


def _tell_of_branch(workspace: Workspace) -> None:
    """Say where the unpublished tables are; where Spark itself has ended, there is nobody to ask."""
    from py4j.protocol import Py4JError  # type: ignore[import-untyped]

    from warehouse.publishing.branch import written_tables

    with suppress(Py4JError, OSError):
        if written_tables(workspace.spark, workspace.steps.run_id):
            query = f'sparkhouse sql --run {workspace.steps.run_id} "select ..."'
            workspace.steps.tell(
                f"Nothing of this is published. Look at it: {query}; "
                f"take it away: sparkhouse runs discard {workspace.steps.run_id}"
            )
