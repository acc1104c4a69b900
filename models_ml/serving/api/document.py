"""The OpenAPI document of the API, and the page that shows it and lets one try each operation."""

from __future__ import annotations

from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import orjson
from flask import Blueprint, render_template, request

from models_ml.serving.api.answering import ROOT, answered, tag_of
from models_ml.serving.api.operations import GET, OPERATIONS, Operation
from models_ml.serving.api.parameters import asked
from models_ml.serving.api.schemas.parts import USER_ID, ref
from models_ml.serving.api.schemas.whole import schemas
from models_ml.serving.web.state import settings

if TYPE_CHECKING:
    from flask import Response

ABOUT = (
    "What the pages of Sparkhouse show, for programs. Every answer is of one publication: its ETag changes with the "
    "next (that of the overview with each run, too), and If-None-Match saves what has not changed. "
    "Lists come in pages: `limit` and `page` say which, and "
    "`links` lead to the others; beyond the last a page is empty. Refusals are problem documents (RFC 9457); "
    "`errors` names each wrong field and what it has to be. All times are UTC."
)
# Whatever is asked, the server may be in no state to answer.
ALWAYS = ("400", "401", "421", "503")
USER_ID_PARAMETER = {
    "name": "user_id",
    "in": "path",
    "required": True,
    "description": "As the log has it, percent-encoded.",
    "schema": USER_ID,
}

blueprint = Blueprint("api_document", __name__)


@blueprint.get(f"{ROOT}/openapi.json")
def openapi() -> Response:
    """The document, the same for all publications."""
    asked(request.args)
    return answered(document(), _tag())


@blueprint.get("/api/docs")
def docs() -> str:
    """The page."""
    return render_template(
        "api.html",
        title="API",
        operations=[(operation, _parameters(operation), _example(operation)) for operation in OPERATIONS],
        root=ROOT,
        about=ABOUT,
        read_only=settings().read_only,
    )


@cache
def document() -> dict[str, Any]:
    """Return the OpenAPI document."""
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        paths.setdefault(f"{ROOT}{operation.path}", {})[operation.method] = _described(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Sparkhouse", "version": "1", "description": ABOUT},
        "security": [{"token": []}, {}],
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "responses": {"Problem": _problem()},
        },
    }


@cache
def _tag() -> str:
    return tag_of(document())


def _described(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "responses": _responses(operation),
    }
    if parameters := _parameters(operation):
        described["parameters"] = parameters
    if operation.body:
        described["requestBody"] = {"required": True, "content": {operation.takes: _body(operation)}}
    return described


def _body(operation: Operation) -> dict[str, Any]:
    example = {} if operation.example is None else {"example": operation.example}
    return {"schema": ref(str(operation.body))} | example


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    of_path = [USER_ID_PARAMETER] if "{user_id}" in operation.path else []
    return of_path + [
        {
            "name": parameter.name,
            "in": "query",
            "required": parameter.is_required,
            "description": parameter.description,
            "schema": parameter.schema,
        }
        for parameter in operation.parameters
    ]


def _responses(operation: Operation) -> dict[str, Any]:
    is_read = operation.method == GET
    tag = {"headers": {"ETag": {"description": "Of the publication.", "schema": {"type": "string"}}}}
    answer = {"description": operation.summary, "content": operation.content} | (tag if is_read else {})
    unchanged = {"304": {"description": "If-None-Match is the ETag of this publication."}} if is_read else {}
    refusals = {status: {"$ref": "#/components/responses/Problem"} for status in (*ALWAYS, *operation.refusals)}
    return {"200": answer} | unchanged | dict(sorted(refusals.items()))


def _problem() -> dict[str, Any]:
    statuses = sorted({status for operation in OPERATIONS for status in (*ALWAYS, *operation.refusals)})
    told = ", ".join(f"{status} {HTTPStatus(int(status)).phrase}" for status in statuses)
    return {
        "description": f"What is wrong and what to do. Statuses: {told}.",
        "content": {"application/problem+json": {"schema": ref("Problem")}},
    }


def _example(operation: Operation) -> str | None:
    """The example of a body as it is edited; None where a file is sent, or nothing."""
    return orjson.dumps(operation.example, option=orjson.OPT_INDENT_2).decode() if operation.example else None
