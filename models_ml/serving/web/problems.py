"""Refusals: a problem document (RFC 9457) for programs, a page with the same words for people."""

from __future__ import annotations

import traceback
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import orjson
from flask import Response, render_template, request
from werkzeug.exceptions import HTTPException

from models_ml.serving.store import NothingPublished
from warehouse.contract.cells import visible

if TYPE_CHECKING:
    from flask import Flask

API = "/api/v1/"
# A value of a request may be anything: as much of it is said as helps to find it.
LETTERS_SAID = 200
NOTHING_PUBLISHED = (
    "Nothing is published yet. `sparkhouse run` makes the first publication; where there is one already, of an earlier "
    "version, the next command that writes, such as `sparkhouse predict`, makes what this app reads."
)


class Problem(Exception):
    """A request that cannot be answered: the status, and in `detail` what is wrong and what to do.

    `errors` name the fields that are wrong, each with what it has to be; `retry_after` is in how many seconds the same
    request may be answered.
    """

    def __init__(
        self, status: HTTPStatus, detail: str, errors: dict[str, str] | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.errors, self.retry_after = status, detail, errors or {}, retry_after


def register(app: Flask) -> None:
    """Let every error that is ours, of HTTP or unforeseen become a problem document or a page."""
    app.register_error_handler(Problem, _of_ours)
    app.register_error_handler(
        NothingPublished, lambda _: _answer(HTTPStatus.SERVICE_UNAVAILABLE, NOTHING_PUBLISHED, {})
    )
    app.register_error_handler(HTTPException, _of_http)
    app.register_error_handler(Exception, _unforeseen)


def said(value: object) -> str:
    """A value of a request as a message holds it: no letter that is not seen, and not more than helps."""
    text = visible(str(value))
    return text if len(text) <= LETTERS_SAID else f"{text[:LETTERS_SAID]}…"


def _of_ours(problem: Problem) -> Response:
    answer = _answer(problem.status, problem.detail, problem.errors)
    if problem.status == HTTPStatus.UNAUTHORIZED:
        answer.headers["WWW-Authenticate"] = 'Bearer realm="sparkhouse"'
    if problem.retry_after is not None:
        answer.headers["Retry-After"] = str(problem.retry_after)
    return answer


def _of_http(error: HTTPException) -> Response:
    if error.code is None or error.code < HTTPStatus.BAD_REQUEST:
        return Response(error.get_body(), error.code or HTTPStatus.OK, error.get_headers())
    answer = _answer(HTTPStatus(error.code), error.description or "", {})
    for name, value in error.get_headers():
        if name in {"Allow", "Retry-After"}:
            answer.headers[name] = value
    return answer


def _unforeseen(error: Exception) -> Response:
    from flask import current_app

    # The log tells where; neither it nor the answer holds what was asked, which the words of an error may.
    lines = "".join(traceback.format_tb(error.__traceback__))
    current_app.logger.error("%s at %s\n%s", type(error).__name__, request.endpoint, lines)
    return _answer(HTTPStatus.INTERNAL_SERVER_ERROR, "This should not happen; the log of the server tells where.", {})


def _answer(status: HTTPStatus, detail: str, errors: dict[str, str]) -> Response:
    if request.path.startswith(API):
        document: dict[str, Any] = {
            "type": "about:blank",
            "title": status.phrase,
            "status": int(status),
            "detail": detail,
        }
        content = orjson.dumps(document | ({"errors": errors} if errors else {}))
        return Response(content, status, mimetype="application/problem+json")
    return Response(render_template("problem.html", title=status.phrase, detail=detail, errors=errors), status)
