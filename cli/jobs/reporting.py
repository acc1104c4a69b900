"""The step that writes the report: its queries on one published state, its pages beside the old ones."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from cli.jobs import publishing
from cli.jobs.checks import CheckFailed
from cli.jobs.dbt_docs import write_dbt_docs
from cli.jobs.published_state import answered
from cli.machine.home import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from cli.jobs.workspace import Workspace
    from cli.machine.home import Home
    from models_ml.reports.site import Answer, State

CARDS_NAMED = 3


def report(workspace: Workspace) -> Path:
    """Write the report of the newest published state; return its index.

    Raises:
        OSError: it cannot be written; the old one stays.
    """
    from models_ml.reports.pages import PAGES
    from models_ml.reports.site import write_site
    from warehouse.contract.labels import default_label

    with workspace.steps.step("report") as step:
        label = default_label()
        answers = _answers(workspace, {query for page in PAGES for query in page.queries}, label)
        step.rows_in = sum(len(answer.rows) for answer in answers.values() if answer.rows is not None)
        without_docs = write_dbt_docs(workspace.home)
        site = write_site(workspace.home.reports, PAGES, answers, _state(workspace, label))
        step.rows_out = sum(len(page.panels) for page in PAGES)
        step.detail = f"{step.rows_out} charts on {len(PAGES)} pages, in {shown(site.index)}"
    if without_docs:
        workspace.steps.tell(f"Warning: {without_docs}")
    for fault in site.faults:
        workspace.steps.tell(f"Warning: this chart of the report could not be drawn: {fault}")
    return site.index


@contextmanager
def what_stopped(workspace: Workspace) -> Iterator[None]:
    """Let the page of data quality show what stops a block; what readers see of all else stays as it was."""
    try:
        yield
    except CheckFailed:
        report(workspace)
        raise


def _answers(workspace: Workspace, names: set[str], label: str) -> Mapping[str, Answer]:
    """Ask all queries of one state."""
    from models_ml.reports.panels import statement
    from models_ml.reports.site import Answer

    texts = {name: statement(name, label) for name in sorted(names)}
    return {name: Answer(texts[name], rows) for name, rows in answered(workspace, texts).items()}


def _state(workspace: Workspace, label: str) -> State:
    from models_ml.reports.site import State
    from warehouse.publishing.journal import moment

    newest = publishing.publisher(workspace).journal.read()
    published_at = moment(newest.finished_at) if newest and newest.finished_at else None
    run_id, now = newest.run_id if newest else None, datetime.now(timezone.utc)
    return State(run_id, published_at, now, label, tuple(_neighbours(workspace.home)))


def _neighbours(home: Home) -> Iterator[tuple[str, str]]:
    """What lies beside the report: pages of Great Expectations and dbt, the record of the last run, metric cards."""
    named = {
        "Data Docs of the last audit": home.data_docs_page,
        "Models, columns and tests (dbt docs)": home.dbt_docs,
        "Record of the last run": home.run_json,
    }
    cards = sorted(home.model_cards.glob("*.html"), key=lambda card: card.stat().st_mtime)[-CARDS_NAMED:]
    named |= {f"Metric card {card.stem}": card for card in reversed(cards)}
    return ((title, path.relative_to(home.reports).as_posix()) for title, path in named.items() if path.is_file())
