"""The API does what its document says: random requests, right and wrong, are answered as described and never by 500."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig
from serving_store import bare_store, first_store, small_store
from uploaded import READ

from models_ml.serving.api.answering import ROOT
from models_ml.serving.api.document import document
from models_ml.serving.api.operations import OPERATIONS, Operation
from models_ml.serving.app import create_app
from models_ml.serving.web.security import RateLimit
from models_ml.serving.web.settings import Settings
from models_ml.serving.web.uploads import LIMIT

if TYPE_CHECKING:
    from pathlib import Path

    from flask import Flask
    from werkzeug.test import TestResponse

    from models_ml.serving.uploads.reading import ReadUpload, SaveTo

DOCUMENT = f"{ROOT}/openapi.json"
EXAMPLES = 50
# What can be right and is refused nevertheless: nobody of that id, two fields that contradict each other.
RIGHT = ["2xx", 404, 422]
ALL_CASES = [(operation, GenerationMode.POSITIVE) for operation in OPERATIONS]
WRONG_CASES = [(each, GenerationMode.NEGATIVE) for each in OPERATIONS if each.parameters or each.body]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    folder = tmp_path_factory.mktemp("store")
    small_store(folder)
    return app_of(folder)


def app_of(folder: Path) -> Flask:
    """The app with a reader that takes any bytes, as often as they come."""

    def reads(save_to: SaveTo, as_of: str | None, wanted: tuple[str, ...]) -> ReadUpload:  # noqa: ARG001 - a ReadLog
        save_to(folder / "upload")
        (folder / "upload").unlink()
        return READ

    app = create_app(Settings(folder, folder / "reports"), reads)
    app.extensions[LIMIT] = RateLimit(1_000_000, 1)
    return app


def asked_by_example(app: Flask, operation: Operation) -> TestResponse:
    """The answer to the example of the document; a file has none, nor has a parameter that is required."""
    path = f"{ROOT}{operation.path}".replace("{user_id}", "3")
    query = {each.name: "3" for each in operation.parameters if each.is_required}
    data = None if operation.body is None else json.dumps(operation.example or {})
    method, kind = operation.method.upper(), operation.takes
    return app.test_client().open(path, method=method, query_string=query, data=data, content_type=kind)


@pytest.fixture(scope="module")
def api(app: Flask) -> Any:  # noqa: ANN401 - schemathesis has no public name for it
    config = SchemathesisConfig.from_dict({"checks": {"positive_data_acceptance": {"expected-statuses": RIGHT}}})
    return schemathesis.openapi.from_wsgi(DOCUMENT, app, config=config)


@pytest.mark.parametrize(
    ("operation", "mode"), ALL_CASES + WRONG_CASES, ids=lambda each: getattr(each, "name", str(each)).lower()
)
def test_what_is_sent_is_answered_as_the_document_says(
    api: Any,  # noqa: ANN401 - as above
    operation: Operation,
    mode: GenerationMode,
) -> None:
    described = api[f"{ROOT}{operation.path}"][operation.method.upper()]

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=described.as_strategy(generation_mode=mode))
    def send(case: Any) -> None:  # noqa: ANN401 - as above
        case.call_and_validate()

    send()


def test_the_document_has_each_route_and_no_other(app: Flask) -> None:
    routes = {
        (method.lower(), re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith(ROOT) and rule.rule != DOCUMENT
    }
    assert routes == {(method, path) for path, methods in document()["paths"].items() for method in methods}


def test_each_reference_of_the_document_leads_somewhere() -> None:
    whole = document()
    for reference in re.findall(r"'#/components/(\w+)/(\w+)'", str(whole)):
        assert reference[1] in whole["components"][reference[0]]


@pytest.mark.parametrize("write", [first_store, bare_store])
def test_without_a_model_or_any_table_each_list_is_empty_and_each_score_refused(tmp_path: Path, write: Any) -> None:  # noqa: ANN401 - a function
    write(tmp_path)
    app = app_of(tmp_path)
    for operation in OPERATIONS:
        answer = asked_by_example(app, operation)
        assert answer.status_code in {200, 404, 409}, (operation.path, answer.text)
        if operation.body:
            assert answer.status_code == 409
            assert "sparkhouse train" in json.loads(answer.data)["detail"]


def test_each_example_of_the_document_is_answered(app: Flask) -> None:
    for operation in OPERATIONS:
        answer = asked_by_example(app, operation)
        assert answer.status_code == 200, (operation.path, answer.text)


def test_the_page_lists_each_operation_with_its_parameters(app: Flask) -> None:
    text = app.test_client().get("/api/docs").text
    for operation in OPERATIONS:
        assert f"{operation.method.upper()} {ROOT}{operation.path}</code>" in text
        for parameter in operation.parameters:
            assert f'id="{operation.name}-{parameter.name}"' in text
    assert "<script>" not in text
    assert "onclick" not in text
