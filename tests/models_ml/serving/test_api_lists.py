"""All lists of the API come in pages of one form, and the overview has the numbers of the first page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from planning_store import PUBLICATION
from serving_store import bare_store, first_store, small_client, small_store

from models_ml.serving.answers import overview
from models_ml.serving.store import Stores

if TYPE_CHECKING:
    from pathlib import Path

    from flask.testing import FlaskClient

LISTS = ("customers", "features", "outcomes", "drift", "campaigns", "model/versions")
RUN = {"status": "failed", "started_at": "2018-12-03T10:00:00+00:00", "seconds": 90.5, "steps": [{}, {}]}


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    small_store(tmp_path)
    return small_client(tmp_path)


def got(client: FlaskClient, path: str, status: int = 200) -> Any:  # noqa: ANN401 - JSON
    answer = client.get(path)
    assert answer.status_code == status, answer.text
    return json.loads(answer.data)


# --- Pages ---


@pytest.mark.parametrize("name", LISTS)
def test_the_pages_of_a_list_hold_each_item_once_and_in_order(client: FlaskClient, name: str) -> None:
    whole = got(client, f"/api/v1/{name}?limit=200")
    assert len(whole["items"]) == whole["total"] > 1
    limit = 70 if name == "features" else 1
    seen, path = [], f"/api/v1/{name}?limit={limit}"
    while path:
        page = got(client, path)
        assert len(page["items"]) <= page["limit"] == limit
        seen += page["items"]
        path = page["links"].get("next")
    assert seen == whole["items"]
    assert page["links"]["self"] == page["links"]["last"]


@pytest.mark.parametrize("name", LISTS)
def test_beyond_the_last_page_there_is_nothing_and_a_way_back(client: FlaskClient, name: str) -> None:
    beyond = got(client, f"/api/v1/{name}?page=1000000&limit=200")
    assert beyond["items"] == []
    assert beyond["links"]["previous"] == beyond["links"]["last"] == beyond["links"]["first"]


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "page=0", "page=-1", "limit=x", "page=1.5", "limit=", "nix=1"]
)
def test_wrong_pages_are_refused_by_their_name(client: FlaskClient, name: str, query: str) -> None:
    assert list(got(client, f"/api/v1/{name}?{query}", 400)["errors"]) == [query.partition("=")[0]]


@pytest.mark.parametrize("name", [each for each in LISTS if each != "features"])
def test_a_list_of_nothing_is_one_empty_page(tmp_path: Path, name: str) -> None:
    bare_store(tmp_path)
    page = got(small_client(tmp_path), f"/api/v1/{name}")
    assert (page["items"], page["total"], page["page"], page["links"].keys()) == ([], 0, 1, {"self", "first", "last"})


def test_each_page_has_the_tag_of_the_publication(client: FlaskClient) -> None:
    tag = client.get("/api/v1/drift?limit=1").headers["ETag"]
    assert client.get("/api/v1/drift?limit=1", headers={"If-None-Match": tag}).status_code == 304
    assert tag == client.get("/api/v1/campaigns").headers["ETag"]


# --- The overview ---


def test_the_overview_has_the_numbers_of_the_first_page(client: FlaskClient, tmp_path: Path) -> None:
    found, store = got(client, "/api/v1/overview"), Stores(tmp_path).newest()
    assert found["publication"] == got(client, "/api/v1/publication")
    customers = overview.customers(store)
    assert customers is not None
    assert customers.items() <= found["customers"].items()
    assert found["customers"]["event_age_days"] > 0
    days = overview.days(store)
    assert days is not None
    assert found["days"] == vars(days)
    assert (found["audit"]["gate"], found["audit"]["expectations"]) == ("warned", 2)
    assert [each["rule"] for each in found["audit"]["broken"]] == ["events.late"]
    assert found["last_run"] is None


def test_a_run_without_a_publication_changes_the_overview_and_its_tag(client: FlaskClient, tmp_path: Path) -> None:
    tag = client.get("/api/v1/overview").headers["ETag"]
    assert client.get("/api/v1/overview", headers={"If-None-Match": tag}).status_code == 304
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "run.json").write_text(json.dumps(RUN))
    answer = client.get("/api/v1/overview", headers={"If-None-Match": tag})
    assert json.loads(answer.data)["last_run"] == RUN | {"steps": 2}
    (tmp_path / "reports" / "run.json").write_text('{"status": "ok"')
    assert got(client, "/api/v1/overview")["last_run"] is None


def test_what_is_not_there_yet_is_null(tmp_path: Path) -> None:
    first_store(tmp_path / "first")
    found = got(small_client(tmp_path / "first"), "/api/v1/overview")
    assert (found["customers"]["scored"], found["customers"]["as_of_date"]) == (0, None)
    bare_store(tmp_path / "bare")
    found = got(small_client(tmp_path / "bare", read_only=True), "/api/v1/overview")
    assert [found[name] for name in ("customers", "days", "audit", "last_run")] == [None] * 4
    assert (found["publication"]["label"], found["publication"]["is_read_only"]) == (PUBLICATION.label, True)
