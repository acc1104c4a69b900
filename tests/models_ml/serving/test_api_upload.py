"""A log that is sent to the API: the risks are those of the page, and so are the limits and the refusals."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest
from planning_store import VERSION, csrf
from serving_store import first_store, small_store
from uploaded import HOSTILE, READ, reads

from models_ml.serving.app import create_app
from models_ml.serving.uploads.reading import ReadUpload, UnreadableUpload
from models_ml.serving.web.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from models_ml.serving.uploads.reading import ReadLog, SaveTo

UPLOAD, BYTES = "/api/v1/upload", "application/octet-stream"
TOKEN = "a-token-of-the-tests"  # noqa: S105 - of the tests


def client_of(
    folder: Path,
    read_log: ReadLog | None = reads,
    **settings: Any,  # noqa: ANN401 - any setting
) -> FlaskClient:
    return create_app(replace(Settings(folder, folder / "reports"), **settings), read_log).test_client()


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    small_store(tmp_path)
    return client_of(tmp_path)


def sent(client: FlaskClient, content: bytes = b"{}", query: str = "", kind: str = BYTES) -> TestResponse:
    return client.post(f"{UPLOAD}{query}", data=content, content_type=kind)


def refused(answer: TestResponse, status: HTTPStatus) -> Any:  # noqa: ANN401 - JSON
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    return json.loads(answer.data)


def test_risks_are_those_of_the_page(client: FlaskClient) -> None:
    found = json.loads(sent(client).data)
    data = {"csrf_token": csrf(client, "/upload"), "file": (io.BytesIO(b"{}"), "a.json")}
    page = client.post("/upload", data=data).get_data(as_text=True)
    link = re.search(r'href="(/upload/[^"]+\.csv)"', page)
    assert link
    rows = list(csv.DictReader(io.StringIO(client.get(link[1]).get_data(as_text=True))))
    assert [float(row["probability"]) for row in rows] == [user["probability"] for user in found["users"]]
    assert [float(row["probability_low"]) for row in rows] == [user["low"] for user in found["users"]]
    assert [row["reason_1"] for row in rows] == [user["reasons"][0] for user in found["users"]]
    assert {user["user_id"] for user in found["users"]} == {HOSTILE, "7"}
    assert found["called"] == sum(user["is_predicted"] for user in found["users"])
    assert found["model_version"] == VERSION


def test_it_tells_what_was_read_what_was_refused_and_what_stands_in(client: FlaskClient) -> None:
    found = json.loads(sent(client).data)
    counts = {"accepted": 3, "refused": 1, "blank": 1, "of_users": 3, "repeated": 1}
    assert found["lines"] == {"total": 5} | counts
    assert found["refusals"] == [{"reason": READ.reasons[0].reason, "count": 1, "first_lines": [2]}]
    assert found["left_out"] == [{"name": HOSTILE, "what": "text that is no log"}]
    assert (found["as_of_date"], found["observed_from"], found["gone"]) == ("2018-10-02", "2018-10-01", 1)
    assert "days_observed" in found["not_computed"]


def test_the_reader_gets_the_bytes_and_the_date(tmp_path: Path) -> None:
    small_store(tmp_path)
    asked = dict[str, object]()

    def reads_what(save_to: SaveTo, as_of: str | None, wanted: tuple[str, ...]) -> ReadUpload:
        save_to(tmp_path / "saved")
        asked.update(as_of=as_of, has_wanted=bool(wanted), content=(tmp_path / "saved").read_bytes())
        return READ

    content = bytes(range(256)) * 1000
    assert sent(client_of(tmp_path, reads_what), content, "?as_of=2018-10-02").status_code == HTTPStatus.OK
    assert asked == {"as_of": "2018-10-02", "has_wanted": True, "content": content}


def test_a_log_without_members_has_no_users(tmp_path: Path) -> None:
    small_store(tmp_path)
    found = json.loads(sent(client_of(tmp_path, lambda *_: replace(READ, users={}))).data)
    assert (found["users"], found["called"]) == ([], 0)


@pytest.mark.parametrize("as_of", ["yesterday", "2018-13-01", "20181001", "2018-W40-1", "", "=1%2B1", "x" * 10_000])
def test_a_date_that_is_none_is_refused_by_its_name(client: FlaskClient, as_of: str) -> None:
    problem = refused(sent(client, query=f"?as_of={as_of}"), HTTPStatus.BAD_REQUEST)
    assert problem["errors"] == {"as_of": "Has to be a date, such as 2018-12-01."}


@pytest.mark.parametrize(
    "status", [HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.UNSUPPORTED_MEDIA_TYPE, HTTPStatus.SERVICE_UNAVAILABLE]
)
def test_a_refusal_of_the_reader_is_a_problem_with_its_status(tmp_path: Path, status: HTTPStatus) -> None:
    def refuses(*_: object) -> ReadUpload:
        raise UnreadableUpload(status, "The file is empty: choose a log with events.")

    small_store(tmp_path)
    assert "is empty" in refused(sent(client_of(tmp_path, refuses), b""), status)["detail"]


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("text/plain", HTTPStatus.FORBIDDEN),
        ("application/x-www-form-urlencoded", HTTPStatus.FORBIDDEN),
        ("multipart/form-data; boundary=x", HTTPStatus.FORBIDDEN),
        ("", HTTPStatus.FORBIDDEN),
        ("application/octet-stream-x", HTTPStatus.FORBIDDEN),
        ("application/json", HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    ],
)
def test_what_a_form_of_another_site_can_send_is_no_upload(client: FlaskClient, kind: str, status: HTTPStatus) -> None:
    refused(sent(client, kind=kind), status)


def test_whoever_shows_the_token_sends_bytes_and_nobody_else(tmp_path: Path) -> None:
    small_store(tmp_path)
    client, shown = client_of(tmp_path, token=TOKEN), {"Authorization": f"Bearer {TOKEN}"}
    refused(sent(client), HTTPStatus.UNAUTHORIZED)
    assert client.post(UPLOAD, data=b"{}", content_type=BYTES, headers=shown).status_code == HTTPStatus.OK
    problem = refused(client.post(UPLOAD, data=b"{}", content_type="text/csv", headers=shown), HTTPStatus(415))
    assert BYTES in problem["detail"]


def test_a_server_that_takes_nothing_in_has_no_reader_or_no_champion_refuses(tmp_path: Path) -> None:
    small_store(tmp_path / "a")
    refused(sent(client_of(tmp_path / "a", read_only=True)), HTTPStatus.FORBIDDEN)
    refused(sent(client_of(tmp_path / "a", None)), HTTPStatus.NOT_IMPLEMENTED)
    first_store(tmp_path / "b")
    assert "sparkhouse train" in refused(sent(client_of(tmp_path / "b")), HTTPStatus.CONFLICT)["detail"]
    refused(sent(client_of(tmp_path / "c")), HTTPStatus.SERVICE_UNAVAILABLE)


def test_too_many_bytes_are_refused_and_are_no_try(tmp_path: Path) -> None:
    small_store(tmp_path)
    client = client_of(tmp_path, most_bytes=2000)
    for _ in range(8):
        refused(sent(client, b"x" * 2001), HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    assert sent(client, b"x" * 2000).status_code == HTTPStatus.OK


def test_uploads_of_the_page_and_of_the_api_count_together(client: FlaskClient) -> None:
    data = {"csrf_token": csrf(client, "/upload")}
    for _ in range(3):
        file = {"file": (io.BytesIO(b"{}"), "a.json")}
        assert client.post("/upload", data=data | file).status_code == HTTPStatus.OK
        assert sent(client).status_code == HTTPStatus.OK
    answer = sent(client)
    assert "More than 6 tries" in refused(answer, HTTPStatus.TOO_MANY_REQUESTS)["detail"]
    assert 0 < int(answer.headers["Retry-After"]) <= 60
