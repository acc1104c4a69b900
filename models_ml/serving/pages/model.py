"""Model: the champion's card, all versions, drift, and what was foretold against what came true."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from flask import Blueprint, render_template

from models_ml.serving.answers.model import came_true, champion, drift, versions
from models_ml.serving.web.state import settings, store

if TYPE_CHECKING:
    from pathlib import Path

# Where the app serves the report, and how its first page names the page of the model.
REPORT, REPORT_PAGE = "/report/", re.compile(r'href="(pages-[0-9]+/model\.html)"')

blueprint = Blueprint("model", __name__)


@blueprint.get("/model")
def page() -> str:
    """All of it on one page."""
    state = store()
    return render_template(
        "model.html",
        title="Model",
        publication=state.publication,
        champion=champion(state),
        versions=versions(state),
        drift=drift(state),
        came_true=came_true(state),
        report=_report_page(settings().reports),
    )


def _report_page(reports: Path) -> str | None:
    """The address of the report's page of the model; None where there is no report."""
    try:
        found = REPORT_PAGE.search((reports / "index.html").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return f"{REPORT}{found[1]}" if found else None
