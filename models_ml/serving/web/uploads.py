"""What the page and the API share of uploads: the reader of logs, and how many there may be in a minute."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from flask import current_app

from models_ml.serving.web.problems import Problem
from models_ml.serving.web.security import RateLimit
from models_ml.serving.web.state import settings

if TYPE_CHECKING:
    from flask import Flask

    from models_ml.serving.uploads.reading import ReadLog

# Where whoever makes the app puts its reader of logs; None where it has none.
READ_LOG, LIMIT = "read_log", "upload_limit"
UPLOADS, SECONDS = 6, 60


def register(app: Flask) -> None:
    """Give an app its own limit, for all ways to upload together."""
    app.extensions[LIMIT] = RateLimit(UPLOADS, SECONDS)


def require_uploads() -> ReadLog:
    """Return the reader of logs. Raises Problem where this server takes no upload."""
    if settings().read_only:
        raise Problem(HTTPStatus.FORBIDDEN, "This server takes nothing in: it was started with `--read-only`.")
    read_log = current_app.extensions.get(READ_LOG)
    if read_log is None:
        raise Problem(HTTPStatus.NOT_IMPLEMENTED, "This server has no reader of logs: start it by `sparkhouse app`.")
    return cast("ReadLog", read_log)


def take_upload() -> None:
    """Take one of the uploads of this minute. Raises Problem where there is none left."""
    cast("RateLimit", current_app.extensions[LIMIT]).take()
