"""The report that `sparkhouse report` wrote, as it lies on the disk: read alone, and nothing beside it."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response, send_from_directory
from werkzeug.exceptions import NotFound

from models_ml.serving.web.problems import Problem, said
from models_ml.serving.web.state import settings

INDEX, DBT_DOCS = "index.html", "dbt-docs.html"
# dbt's page is one file with its scripts in it: it runs as of no origin, and asks nobody for anything.
DBT_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data:; font-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

blueprint = Blueprint("report", __name__)


@blueprint.get("/report/")
def index() -> Response:
    """The first page of the report. Raises Problem: there is none."""
    if not has_report():
        raise Problem(HTTPStatus.NOT_FOUND, "There is no report yet: `sparkhouse report` writes it.")
    return _sent(INDEX)


@blueprint.get("/report/<path:name>")
def file(name: str) -> Response:
    """A file of the report. Raises Problem: there is no such file below its folder."""
    return _sent(name)


def has_report() -> bool:
    """Whether a report was written."""
    return (settings().reports / INDEX).is_file()


def _sent(name: str) -> Response:
    folder = settings().reports.resolve()
    missing = Problem(
        HTTPStatus.NOT_FOUND,
        f"The report has no file {said(name)}: begin at its first page, or write it by `sparkhouse report`.",
    )
    # What begins with a dot is being written; what leads out of the folder is nobody's.
    if "\0" in name or any(part.startswith(".") for part in name.split("/")):
        raise missing
    try:
        if not (folder / name).resolve().is_relative_to(folder):
            raise missing
        answer = send_from_directory(folder, name)
    except (NotFound, OSError) as error:
        raise missing from error
    answer.headers["Cache-Control"] = "no-cache"
    if name == DBT_DOCS:
        answer.headers["Content-Security-Policy"] = DBT_POLICY
    return answer
