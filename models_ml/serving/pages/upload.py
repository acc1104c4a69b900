"""A log of one's own: uploaded, read as ingest would, and its users scored; nothing of it is kept."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from flask import Blueprint, Response, current_app, render_template, request

from models_ml.serving.answers.upload import as_csv, score_upload
from models_ml.serving.uploads.downloads import Downloads
from models_ml.serving.uploads.reading import UnreadableUpload
from models_ml.serving.web.dates import is_date
from models_ml.serving.web.problems import Problem, said
from models_ml.serving.web.state import settings, store
from models_ml.serving.web.uploads import require_uploads, take_upload

if TYPE_CHECKING:
    from flask.blueprints import BlueprintSetupState
    from werkzeug.datastructures import FileStorage

    from models_ml.serving.answers.upload import UploadAnswer

DOWNLOADS = "upload_downloads"
USERS_SHOWN = 100
PAGE = "upload.html"
FORGOTTEN = "This answer is no longer kept: upload the log once more."

blueprint = Blueprint("upload", __name__)


@blueprint.record_once
def set_up(state: BlueprintSetupState) -> None:
    """Give each app its own downloads."""
    state.app.extensions[DOWNLOADS] = Downloads()


@blueprint.get("/upload")
def page() -> str:
    """The form."""
    return _form()


@blueprint.post("/upload")
def upload() -> str | Response:
    """The risk of the users of a log; the form with what is wrong where there is none."""
    read_log = require_uploads()
    file, as_of, errors = _asked()
    if errors or file is None:
        return Response(_form(errors, as_of), HTTPStatus.UNPROCESSABLE_ENTITY)
    take_upload()
    try:
        answer = score_upload(store(), read_log, file.save, as_of or None)
    except UnreadableUpload as refusal:
        return Response(_form({"file": str(refusal)}, as_of), refusal.status)
    finally:
        file.close()
    return _result(answer)


@blueprint.get("/upload/<key>.csv")
def download(key: str) -> Response:
    """An answer as CSV, for a quarter of an hour."""
    text = cast("Downloads", current_app.extensions[DOWNLOADS]).get(key)
    if text is None:
        raise Problem(HTTPStatus.NOT_FOUND, FORGOTTEN)
    answer = Response(text, mimetype="text/csv")
    answer.headers["Content-Disposition"] = "attachment; filename=risk_of_uploaded_log.csv"
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _asked() -> tuple[FileStorage | None, str, dict[str, str]]:
    """The file, the date, and what is wrong with either, by field."""
    file, as_of, errors = request.files.get("file"), request.form.get("as_of", "").strip(), {}
    if file is None or not file.filename:
        errors["file"] = "Choose a file: a log of events, plain or packed."
    if as_of and not is_date(as_of):
        errors["as_of"] = f"{said(as_of)} is no date: write it as 2018-12-01, or leave it out for the log's end."
    return file, as_of, errors


def _form(errors: dict[str, str] | None = None, as_of: str = "") -> str:
    most = settings().most_bytes // 1_000_000
    kept = as_of if as_of and is_date(as_of) else ""
    return render_template(
        PAGE, title="Upload a log", answer=None, errors=errors or {}, as_of=kept, most_megabytes=most
    )


def _result(answer: UploadAnswer) -> str:
    key = cast("Downloads", current_app.extensions[DOWNLOADS]).put(as_csv(answer))
    shown = answer.users[:USERS_SHOWN]
    return render_template(PAGE, title="Upload a log", answer=answer, shown=shown, key=key, errors={})
