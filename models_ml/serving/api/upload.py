"""The risk of the users of a log that is sent: the answer of the page "Upload", under the same limits."""

from __future__ import annotations

import shutil
from http import HTTPStatus
from typing import IO, TYPE_CHECKING, cast

from flask import Blueprint, request

from models_ml.serving.answers.api_upload import told
from models_ml.serving.answers.upload import score_upload
from models_ml.serving.api.answering import ROOT, answered
from models_ml.serving.api.parameters import Parameter, asked
from models_ml.serving.uploads.reading import UnreadableUpload
from models_ml.serving.web.problems import Problem
from models_ml.serving.web.security import BYTES
from models_ml.serving.web.state import store
from models_ml.serving.web.uploads import require_uploads, take_upload

if TYPE_CHECKING:
    from pathlib import Path

    from flask import Response

UPLOAD = (
    Parameter(
        "as_of",
        "date",
        "Start of the day of the risk; otherwise the day after the last that has a fair share of events.",
    ),
)
SEND_BYTES = f"Send the file as it is, plain or packed, with Content-Type: {BYTES}."

blueprint = Blueprint("api_upload", __name__, url_prefix=ROOT)


@blueprint.post("/upload")
def upload() -> Response:
    """What was read, what was refused and why, and the risk of each member; nothing of the log is kept."""
    read_log = require_uploads()
    as_of = asked(request.args, UPLOAD)["as_of"]
    if request.mimetype != BYTES:
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, SEND_BYTES)
    # More than may be sent is refused here, before it counts as an upload.
    content = request.stream
    take_upload()
    try:
        answer = score_upload(store(), read_log, lambda path: _save(content, path), as_of)
    except UnreadableUpload as refusal:
        raise Problem(refusal.status, str(refusal)) from refusal
    return answered(told(answer))


def _save(content: IO[bytes], path: Path) -> None:
    with path.open("xb") as file:
        shutil.copyfileobj(content, cast("IO[bytes]", file))
