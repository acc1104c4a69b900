"""What all answers of the API have in common: JSON, and the tag of the publication that they are of."""

from __future__ import annotations

from hashlib import sha256
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import orjson
from flask import Response, request

from models_ml.serving.web.problems import Problem
from models_ml.serving.web.state import store

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = "/api/v1"
# A thousand customers with all features come to six million.
MOST_BYTES = 8_000_000


def answered(content: object, tag: str | None = None) -> Response:
    """Return content as JSON under the tag of its publication; 304 without it where the caller has that already."""
    answer = Response(orjson.dumps(content), mimetype="application/json")
    answer.headers["Cache-Control"] = "private, no-cache"
    if request.method in {"GET", "HEAD"}:
        answer.set_etag(tag or store().etag)
        answer.make_conditional(request)
    return answer


def page_of(items: list[Any], total: int, values: Mapping[str, Any]) -> dict[str, Any]:
    """One page of a list; `values` are the parameters of the query, `page` and `limit` among them."""
    page, limit = values["page"], values["limit"]
    last = max(1, -(-total // limit))
    places = {"self": page, "first": 1, "last": last}
    places |= {"previous": min(page - 1, last)} if page > 1 else {}
    places |= {"next": page + 1} if page < last else {}
    links = {name: _link(values, place) for name, place in places.items()}
    return {"total": total, "page": page, "limit": limit, "links": links, "items": items}


def slice_of(items: Sequence[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """One page of a list of which all items are at hand."""
    start = (values["page"] - 1) * values["limit"]
    return page_of(list(items[start : start + values["limit"]]), len(items), values)


def _link(values: Mapping[str, Any], page: int) -> str:
    asked = {name: value for name, value in values.items() if value is not None} | {"page": page}
    return f"{quote(request.path, safe='/')}?{urlencode(asked)}"


def tag_of(content: object) -> str:
    """The tag of an answer that is not of one publication alone."""
    return sha256(orjson.dumps(content)).hexdigest()[:16]


def json_body() -> dict[str, Any]:
    """Return the JSON object that was sent.

    Raises Problem: another type, no JSON, no object; RequestEntityTooLarge.
    """
    request.max_content_length = MOST_BYTES
    if request.mimetype != "application/json":
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send JSON, with Content-Type: application/json.")
    try:
        body = orjson.loads(request.get_data(cache=False))
    except orjson.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Problem(HTTPStatus.BAD_REQUEST, f"This is no JSON: {error.msg}, at {where}.") from error
    if not isinstance(body, dict):
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "Send a JSON object: /api/docs has one for each operation.")
    return body
