"""The first page: what was published, today's numbers, what is wrong, and the way to the report."""

from __future__ import annotations

from flask import Blueprint, render_template

from models_ml.serving.answers import overview as answers
from models_ml.serving.pages.report import has_report
from models_ml.serving.web.state import settings, store

# What lies beside the pages of the report, by its name.
BESIDE = {
    "dbt-docs.html": "dbt's documentation of all tables",
    answers.RUN: "The last whole run, step by step, as JSON",
}
MOST_SHOWN = 20

blueprint = Blueprint("overview", __name__)


@blueprint.get("/")
def page() -> str:
    """The newest publication and its numbers."""
    state = store()
    customers = answers.customers(state)
    return render_template(
        "overview.html",
        title="Overview",
        publication=state.publication,
        customers=customers,
        event_age_days=answers.event_age_days(customers["newest_event_at"] if customers else None),
        days=answers.days(state),
        audit=answers.audit(state),
        last_run=answers.last_run(settings().reports / answers.RUN),
        most_shown=MOST_SHOWN,
        has_report=has_report(),
        beside={name: title for name, title in BESIDE.items() if (settings().reports / name).is_file()},
    )
