"""Steps from a log to the raw tables: simulate, ingest, judge refused lines anew."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING

from cli.jobs.checks import CheckFailed
from cli.jobs.demo_log import DemoLog
from cli.machine.home import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from cli.jobs.workspace import Workspace
    from cli.runs.steps import Steps
    from warehouse.landing.ingest import IngestSummary
    from warehouse.landing.reader.rules import Rules
    from warehouse.landing.simulator import SimulationSpec, SimulationSummary

FILES_NAMED = 3
MEGABYTE = 1_000_000


def simulate_log(spec: SimulationSpec, out: Path, steps: Steps, *, by_day: bool = False) -> SimulationSummary:
    """Write a simulated log."""
    from warehouse.landing.simulator import simulate

    with steps.step("simulate") as step:
        summary = simulate(spec, out, by_day)
        step.rows_out = summary.rows
        step.detail = (
            f"{summary.rows:,} rows of {summary.users} users, {summary.churned_users} churned, in {shown(out)}"
        )
    return summary


def ingest(workspace: Workspace, patterns: Sequence[str | Path], rules: Rules | None = None) -> IngestSummary:
    """Land logs in the raw tables; a log that a run simulated before makes room for them."""
    from cli.jobs.late_events import late_events
    from warehouse.landing import ingest as landing
    from warehouse.landing.finding import find_logs
    from warehouse.landing.logs import NotALog
    from warehouse.landing.reader.rules import Rules
    from warehouse.landing.room import UnpacksTooLarge
    from warehouse.landing.salt import load_salt
    from warehouse.landing.stores import fetched

    rules = rules or Rules()

    with workspace.steps.step("ingest") as step:
        salt = (
            load_salt(workspace.home.salt, is_in_use=partial(_holds_pseudonyms, workspace))
            if rules.pseudonymise
            else None
        )
        home = workspace.home
        try:
            with fetched(workspace.spark, patterns, home.landing) as named:
                found = find_logs(named)
                DemoLog(workspace.spark, home).require_apart(found.paths)
                watch = progress_of_bytes(workspace.steps)
                summary = landing.ingest(workspace.spark, found, home.landing, salt, rules, watch=watch)
        except (NotALog, UnpacksTooLarge) as refused:
            raise CheckFailed(str(refused)) from refused
        step.rows_in, step.rows_out = summary.lines, summary.accepted
        step.detail = (
            f"{summary.lines:,} lines = {summary.accepted:,} accepted + {summary.rejected:,} rejected"
            f" + {summary.blank:,} blank; {summary.files} files, {summary.files_skipped} known already"
        )
        step.detail += dialects_of(summary) + reasons_of(summary) + left_out_of(summary)
    for doubt in (doubt_of_clock(summary), doubt_of_users(summary)):
        if doubt:
            workspace.steps.tell(doubt)
    keep_logs_apart(workspace)
    if summary.ingested_at and (late := late_events(workspace, summary.ingested_at)):
        workspace.steps.tell(late.said)
    return summary


def progress_of_bytes(steps: Steps) -> Callable[[int, int], None]:
    """Return what says how far a step is, at which rate, and how long the rest takes at that rate."""
    started = time.perf_counter()

    def say(done: int, total: int) -> None:
        rate = done / (time.perf_counter() - started) / MEGABYTE
        left = f", {rate:.0f} MB a second, {(total - done) / MEGABYTE / rate:.0f} s left" if done else ""
        steps.progress(f"{done / MEGABYTE:,.0f} of {total / MEGABYTE:,.0f} MB{left}")

    return say


def replay_rejected(workspace: Workspace, rules: Rules | None = None) -> None:
    """Judge the refused lines anew: those that are events by today's rules join them."""
    from warehouse.landing import replay
    from warehouse.landing.reader.rules import Rules

    with workspace.steps.step("replay") as step:
        summary = replay.replay_rejected(workspace.spark, rules or Rules())
        step.rows_in, step.rows_out = summary.lines, summary.accepted
        step.detail = f"{summary.lines:,} refused lines = {summary.accepted:,} accepted + {summary.rejected:,} refused"
        step.detail += reasons_of(summary)
        if summary.final:
            step.detail += f"; {summary.final:,} of them cannot be judged anew: only their shape was kept"
    keep_logs_apart(workspace)


def keep_logs_apart(workspace: Workspace) -> None:
    """Take the log that a run simulated out again, where there are events of the user's own."""
    demo = DemoLog(workspace.spark, workspace.home)
    if demo.is_held and demo.is_beside_events:
        with workspace.steps.step("retire") as step:
            step.rows_in = workspace.count("raw.events")
            demo.retire()
            step.rows_out = workspace.count("raw.events")
            step.detail = "the simulated log and its predictions made room for yours"


def _holds_pseudonyms(workspace: Workspace) -> bool:
    """Whether there are names in the raw tables that the salt made pseudonyms of."""
    named = "select 1 from raw.events where coalesce(first_name, last_name) is not null limit 1"
    return workspace.spark.catalog.tableExists("raw.events") and not workspace.spark.sql(named).isEmpty()


def dialects_of(summary: IngestSummary) -> str:
    """How the files are spelled, by the mapping that each was read by; nothing where no line was JSON."""
    files = sorted(summary.dialects.items(), key=lambda item: (-item[1], item[0]))
    if len(files) == 1:
        return f"; read as {files[0][0]}"
    return "; read as " + ", ".join(f"{name} ({count} files)" for name, count in files) if files else ""


def doubt_of_clock(summary: IngestSummary) -> str | None:
    """What to say where most lines lie ahead of this machine's clock: it is more likely to be wrong than they."""
    from warehouse.landing.reader.reader import FUTURE

    ahead = summary.reasons.get(FUTURE, 0)
    if ahead * 2 <= summary.lines:
        return None
    return (
        f"Warning: {ahead:,} of {summary.lines:,} lines lie after the time of ingest. This machine's clock says "
        f"{datetime.now(timezone.utc):%F %T} UTC and may be wrong: set it, then: sparkhouse ingest --replay-rejected"
    )


def doubt_of_users(summary: IngestSummary) -> str | None:
    """What to say where no event has a user who registered: models, snapshots and predictions are of such users."""
    if summary.days or not summary.accepted:
        return None
    return (
        f"Warning: of {summary.accepted:,} events none has both a userId and a registration, so all are taken for "
        "guests', and nobody can be scored. If the log has them under other keys, name these in a --mapping."
    )


def reasons_of(summary: IngestSummary) -> str:
    """Why lines were refused, the most frequent reason first; nothing where none was."""
    reasons = sorted(summary.reasons.items(), key=lambda item: -item[1])
    return "".join(f"; {reason}: {lines:,}" for reason, lines in reasons)


def left_out_of(summary: IngestSummary) -> str:
    """What was no log, the first few by name; nothing where all were."""
    first = ", ".join(map(str, summary.left_out[:FILES_NAMED]))
    more = f" and {len(summary.left_out) - FILES_NAMED:,} more" if len(summary.left_out) > FILES_NAMED else ""
    return f"; {len(summary.left_out):,} left out: {first}{more}" if summary.left_out else ""
