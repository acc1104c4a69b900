"""The first page has the numbers of the store, and the report is served as it lies there, and nothing beside it."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest
from planning_store import PUBLICATION
from serving_store import bare_store, customers, findings, first_store, small_client, small_store, tables

from models_ml.serving.answers import overview
from models_ml.serving.store import Stores
from models_ml.serving.store_file import write_store

if TYPE_CHECKING:
    from pathlib import Path

    from flask.testing import FlaskClient

    from models_ml.serving.store import Store

OUTSIDE = "outside of the report"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    small_store(tmp_path)
    return Stores(tmp_path).newest()


@pytest.fixture
def client(tmp_path: Path, store: Store) -> FlaskClient:
    reports = tmp_path / "reports"
    (reports / "pages-1").mkdir(parents=True)
    (reports / ".pages-2.draft").mkdir()
    for name in ("index.html", "dbt-docs.html", "pages-1/model.html", ".pages-2.draft/model.html"):
        (reports / name).write_text(f"the page {name}")
    (tmp_path / "outside.txt").write_text(OUTSIDE)
    (reports / "link.txt").symlink_to(tmp_path / "outside.txt")
    assert store.path.exists()
    return small_client(tmp_path)


def test_numbers_are_those_of_the_store(store: Store) -> None:
    found, rows = overview.customers(store), customers()
    assert found is not None
    assert (found["customers"], found["members"], found["scored"]) == (12, 11, 11)
    assert found["called"] == sum(called is True for called in rows.predicted_churn)
    assert found["expected"] == pytest.approx(rows.probability.astype(float).sum())


def test_the_last_week_stands_beside_the_one_before(store: Store) -> None:
    found = overview.days(store)
    assert found is not None
    assert (found.last, found.days, found.active_users) == ("2018-12-03", 14, 12)
    assert (found.songs, found.songs_before) == (2800, 2800)


def test_the_age_of_the_newest_event_is_in_whole_days() -> None:
    now = datetime(2018, 12, 4, 11, tzinfo=timezone.utc)
    assert overview.event_age_days("2018-12-02T12:00:00Z", now) == 1
    assert overview.event_age_days(None, now) is None


@pytest.mark.parametrize(
    ("changes", "gate", "broken"),
    [
        ({"success": True}, "passed", 0),
        ({"success": False, "is_accepted": True}, "passed", 0),
        ({}, "warned", 1),
        ({"success": False}, "stopped", 2),
    ],
)
def test_the_gate_is_as_the_worst_finding(tmp_path: Path, changes: dict[str, bool], gate: str, broken: int) -> None:
    write_store(tmp_path, PUBLICATION, tables() | {"findings": findings().assign(**changes)})
    found = overview.audit(Stores(tmp_path).newest())
    assert found is not None
    assert (found.gate, len(found.broken)) == (gate, broken)


def test_the_page_says_what_is_wrong_and_marks_nothing_up(client: FlaskClient) -> None:
    text = client.get("/").get_data(as_text=True)
    assert "3 events came late, among them &lt;/script&gt;" in text
    assert f"<code>{PUBLICATION.run_id}</code>" in text
    assert 'href="/report/"' in text
    assert 'href="/report/dbt-docs.html"' in text
    assert "run.json" not in text


@pytest.mark.parametrize(("status", "tone"), [("ok", "good"), ("failed", "bad")])
def test_the_last_run_is_told_however_it_ended(client: FlaskClient, tmp_path: Path, status: str, tone: str) -> None:
    record = {"status": status, "started_at": "2018-12-04T00:00:00+00:00", "seconds": 90, "steps": [{}, {}]}
    (tmp_path / "reports" / "run.json").write_text(json.dumps(record))
    assert f'<div class="value {tone}">{status}</div>' in client.get("/").get_data(as_text=True)


@pytest.mark.parametrize("half", ["", "{", "[]", "{}"])
def test_a_record_of_a_run_that_is_half_written_is_left_out(client: FlaskClient, tmp_path: Path, half: str) -> None:
    (tmp_path / "reports" / "run.json").write_text(half)
    answer = client.get("/")
    assert answer.status_code == 200
    assert "Last whole run" not in answer.get_data(as_text=True)


@pytest.mark.parametrize("write", [first_store, bare_store])
def test_the_page_stands_without_a_model_and_without_anything(tmp_path: Path, write: object) -> None:
    assert callable(write)
    write(tmp_path)
    text = small_client(tmp_path).get("/").get_data(as_text=True)
    assert "<code>sparkhouse train</code>" in text
    assert "<code>sparkhouse report</code>" in text


def test_the_report_is_served_with_the_policy_of_the_app_but_for_dbts_page(client: FlaskClient) -> None:
    assert client.get("/report/").get_data(as_text=True) == "the page index.html"
    page, docs = client.get("/report/pages-1/model.html"), client.get("/report/dbt-docs.html")
    assert "script-src 'self';" in page.headers["Content-Security-Policy"]
    assert docs.headers["Content-Security-Policy"].startswith("sandbox allow-scripts; default-src 'none';")
    assert "allow-same-origin" not in docs.headers["Content-Security-Policy"]
    assert client.get("/report/pages-1/model.html", headers={"If-None-Match": page.headers["ETag"]}).status_code == 304


@pytest.mark.parametrize(
    "name",
    [
        "../outside.txt",
        "%2e%2e/outside.txt",
        "..%2foutside.txt",
        "pages-1/../../outside.txt",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "link.txt",
        ".pages-2.draft/model.html",
        "pages-1",
        "pages-1/",
        "nothing.html",
        "a%00b",
        "x" * 10_000,
        "%ff",
        "..\\outside.txt",
    ],
)
def test_what_is_not_a_file_of_the_report_is_not_found(client: FlaskClient, name: str) -> None:
    answer = client.get(f"/report/{name}", follow_redirects=True)
    assert answer.status_code == 404
    assert OUTSIDE not in answer.get_data(as_text=True)


def test_nothing_is_written_to_the_report(client: FlaskClient) -> None:
    csrf = client.get("/").get_data(as_text=True).split('data-csrf="')[1].split('"')[0]
    for method in (client.post, client.put, client.delete):
        assert method("/report/index.html", headers={"X-CSRF-Token": csrf}).status_code == 405


def test_without_a_report_the_page_says_what_writes_it(tmp_path: Path) -> None:
    small_store(tmp_path)
    answer = small_client(tmp_path).get("/report/")
    assert answer.status_code == 404
    assert "<code>sparkhouse report</code>" in answer.get_data(as_text=True)


def test_the_report_is_for_who_has_the_token(client: FlaskClient, tmp_path: Path) -> None:
    assert client.get("/report/").status_code == 200
    answer = small_client(tmp_path, "a token of many letters").get("/report/index.html")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/login")
