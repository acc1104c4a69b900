"""The API: its numbers are those of the store, what is wrong is named, and each answer is of one publication."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from planning_store import CHAMPION, PUBLICATION, VERSION, features
from serving_store import GONE, STRANGE, USERS, small_client, small_store, tables

from models_ml.serving.scoring import scores
from models_ml.serving.store import Stores
from models_ml.serving.store_file import write_store
from models_ml.serving.web.problems import NOTHING_PUBLISHED

if TYPE_CHECKING:
    from pathlib import Path

    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from models_ml.serving.store import Store

HOSTILE = ("</script><script>alert(1)</script>", "' or 1=1 --", "\"'", "; drop table customers", "../../etc/passwd")


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    small_store(tmp_path)
    return small_client(tmp_path)


@pytest.fixture
def store(client: FlaskClient, tmp_path: Path) -> Store:  # noqa: ARG001 - the client's is written first
    return Stores(tmp_path).newest()


def content(answer: TestResponse) -> Any:  # noqa: ANN401 - JSON
    return json.loads(answer.data)


def got(client: FlaskClient, path: str, status: int = 200) -> Any:  # noqa: ANN401 - JSON
    answer = client.get(f"/api/v1{path}")
    assert answer.status_code == status, answer.text
    return content(answer)


def described(client: FlaskClient, body: object, status: int = 200) -> Any:  # noqa: ANN401 - JSON
    answer = client.post("/api/v1/score/described", json=body)
    assert answer.status_code == status, answer.text
    return content(answer)


def scored(client: FlaskClient, body: object, status: int = 200) -> Any:  # noqa: ANN401 - JSON
    answer = client.post("/api/v1/score", json=body)
    assert answer.status_code == status, answer.text
    return content(answer)


def listed(client: FlaskClient, query: str) -> list[str]:
    return [each["user_id"] for each in got(client, f"/customers?{query}")["items"]]


# --- Customers ---


@pytest.mark.parametrize(
    ("query", "condition"),
    [
        ("level=free", "level = 'free'"),
        ("device_family=Windows&state=CA", "device_family = 'Windows' and state = 'CA'"),
        ("decile=3", "risk_decile = 3"),
        ("probability_min=0.5&probability_max=0.65", "probability between 0.5 and 0.65"),
        ("days_since_last_event_min=3&days_since_last_event_max=7", "days_since_last_event between 3 and 7"),
        ("search=los%20angeles", "metro like 'Los Angeles%'"),
        ("search=1", "instr(user_id, '1') or instr(metro, '1')"),
        ("search=100%25_", "instr(metro, '100%_')"),
        ("search=%25", "instr(user_id, '%') or instr(metro, '%')"),
        ("search=_", "instr(metro, '_')"),
        ("state=Nowhere", "0"),
    ],
)
def test_a_filter_lets_through_what_sql_does(client: FlaskClient, store: Store, query: str, condition: str) -> None:
    wanted = [row["user_id"] for row in store.rows(f"select user_id from customers where {condition}")]
    assert listed(client, f"{query}&sort=user_id") == sorted(wanted, key=lambda user: (len(user), user))
    assert got(client, f"/customers?{query}")["total"] == len(wanted)


@pytest.mark.parametrize(
    "sort", ["probability", "-probability", "-probability_change", "risk_decile", "-registered_at"]
)
def test_a_sort_is_that_of_the_values_and_who_has_none_comes_last(client: FlaskClient, sort: str) -> None:
    items = got(client, f"/customers?sort={sort}")["items"]
    values = [each[sort.removeprefix("-")] for each in items]
    known = [value for value in values if value is not None]
    assert known == sorted(known, reverse=sort.startswith("-"))
    assert values[len(known) :] == [None] * (len(values) - len(known))
    assert (GONE in [each["user_id"] for each in items[len(known) :]]) is (len(known) < len(values))


def test_pages_hold_each_customer_once_and_link_to_each_other(client: FlaskClient) -> None:
    seen, path = [], "/api/v1/customers?limit=5&level=free&sort=user_id&search=a"
    while path:
        page = content(client.get(path))
        seen += [each["user_id"] for each in page["items"]]
        path = page["links"].get("next")
    assert sorted(seen) == sorted(listed(client, "level=free&search=a"))
    assert len(seen) == len(set(seen)) == page["total"]
    beyond = got(client, "/customers?limit=5&page=99")
    assert (beyond["items"], beyond["total"]) == ([], len(USERS))
    assert "page=3" in beyond["links"]["previous"]


def test_each_wrong_parameter_is_named_with_what_it_has_to_be(client: FlaskClient) -> None:
    query = "nix=1&level=gold&limit=201&page=0&probability_min=nan&probability_max=inf&decile=1.5&state=&sort=reasons"
    problem = got(client, f"/customers?{query}&days_since_last_event_min=-1", 400)
    assert list(problem["errors"]) == [
        *("nix", "level", "limit", "page", "probability_min", "probability_max", "decile", "state", "sort"),
        "days_since_last_event_min",
    ]
    assert problem["errors"]["limit"] == "Has to be a whole number from 1 to 200."
    assert got(client, "/customers?level=free&level=paid", 400)["errors"] == {"level": "Has to be said once."}
    assert "there are none here" in got(client, "/model?as_of=2018-12-03", 400)["errors"]["as_of"]


@pytest.mark.parametrize("text", [*HOSTILE, "\x00", "é\u202e", "%"])
def test_hostile_texts_find_nobody_and_harm_nothing(client: FlaskClient, text: str) -> None:
    for name in ("search", "state", "device_family"):
        answer = client.get("/api/v1/customers", query_string={name: text})
        assert answer.status_code == 200
    assert client.get(f"/api/v1/customers/{quote(text, safe='')}").status_code == 404
    assert client.get("/api/v1/customers", query_string={text: "1"}).status_code == 400
    assert len(listed(client, "")) == len(USERS)


def test_texts_of_ten_thousand_letters_are_refused_and_not_said_back_whole(client: FlaskClient) -> None:
    text = "a" * 10_000
    for path in (f"/customers/{text}", f"/customers?search={text}", f"/customers?{text}=1"):
        assert len(json.dumps(got(client, path, 400))) < 1000
    assert got(client, f"/customers/{'a' * 200}", 404)


@pytest.mark.parametrize("user", [*STRANGE, "3"])
def test_a_customer_has_all_predictions_and_a_page_of_sessions(client: FlaskClient, store: Store, user: str) -> None:
    found = got(client, f"/customers/{quote(user, safe='')}?limit=2")
    assert found["customer"]["user_id"] == user
    newest, before, first = found["predictions"]
    assert [each["model_version"] for each in (newest, before, first)] == [VERSION, VERSION, "v1-old"]
    assert (newest["outcome"], first["outcome"]) == (None, False)
    assert found["customer"]["probability_change"] == pytest.approx(newest["probability"] - before["probability"])
    assert found["customer"]["reasons"] == newest["reasons"]
    assert found["sessions"]["total"] == 3
    rows = store.rows("select session_id from sessions where user_id = ? order by started_at desc", (user,))
    assert [each["session_id"] for each in found["sessions"]["items"]] == [row["session_id"] for row in rows[:2]]
    rest = content(client.get(found["sessions"]["links"]["next"]))
    assert [each["session_id"] for each in rest["sessions"]["items"]] == [rows[2]["session_id"]]


def test_who_left_has_a_true_outcome_and_no_newest_prediction(client: FlaskClient) -> None:
    found = got(client, f"/customers/{GONE}")
    assert found["customer"]["is_churned"] is True
    assert (found["customer"]["probability"], found["customer"]["reasons"]) == (None, [])
    assert [each["outcome"] for each in found["predictions"]] == [None, True]
    assert found["sessions"]["items"][0]["has_cancellation"] is True


# --- Scores ---


def test_features_that_are_sent_score_as_the_champion_scores_them(client: FlaskClient) -> None:
    rows = [features(number) for number in range(1, 6)]
    found = scored(client, {"customers": rows})
    assert [each["probability"] for each in found["scores"]] == [each.probability for each in scores(CHAMPION, rows)]
    assert found["scores"][0]["missing"] == []
    assert (found["model_version"], found["threshold"]) == (VERSION, CHAMPION.threshold)


def test_users_score_as_their_newest_prediction(client: FlaskClient) -> None:
    found = scored(client, {"user_ids": [*USERS, "nobody", "3"]})
    assert found["not_found"] == [GONE, "nobody"]
    published = {each["user_id"]: each for each in got(client, "/customers")["items"]}
    assert len(found["scores"]) == len(USERS) - 1
    for each in found["scores"]:
        assert each["probability"] == pytest.approx(published[each["user_id"]]["probability"])
        assert each["reasons"] == published[each["user_id"]]["reasons"]


def test_what_is_not_sent_is_told(client: FlaskClient) -> None:
    (found,) = scored(client, {"customers": [{"level": None, "session_count_lifetime": 3}]})["scores"]
    assert {"level", "days_since_last_event", "days_observed"} <= set(found["missing"])
    assert "session_count_lifetime" not in found["missing"]


def test_each_wrong_feature_is_named_with_what_it_has_to_be(client: FlaskClient) -> None:
    wrong = {"level": "gold", "song_count_lifetime": -1, "state": 7, "nix": 1, "has_downgraded": 1}
    errors = scored(client, {"customers": [{}, wrong | {"days_observed": True}]}, 422)["errors"]
    assert errors["customers.1.level"] == "Has to be one of free, paid, or null."
    assert set(errors) == {f"customers.1.{name}" for name in (*wrong, "days_observed")}
    assert len(scored(client, {"customers": [wrong] * 1000}, 422)["errors"]) == 20


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"customers": [{}], "user_ids": ["1"]},
        {"customers": []},
        {"customers": [{}] * 1001},
        {"customers": {}},
        {"customers": [[]]},
        {"customers": None},
        {"user_ids": [1]},
        {"user_ids": [""]},
        {"user_ids": ["a" * 201]},
        {"customers": [{}], "extra": 1},
        [],
    ],
)
def test_bodies_of_another_form_are_refused(client: FlaskClient, body: object) -> None:
    assert scored(client, body, 422)["detail"]


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b'{"customers": [{"song_count_lifetime": NaN}]}', "application/json", 400),
        (b'{"customers": [{"song_count_lifetime": Infinity}]}', "application/json", 400),
        (b'{"customers": [{"song_count_lifetime": 1e999}]}', "application/json", 400),
        (b'{"customers": [{"song_count_lifetime": 1e308}]}', "application/json", 422),
        (b"{", "application/json", 400),
        (b"", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b'{"user_ids": ["\\ud800"]}', "application/json", 400),
        (b'{"user_ids": ["1"]}', "text/plain", 403),
        (b" " * 8_000_001, "application/json", 413),
    ],
)
def test_what_is_no_json_is_refused(client: FlaskClient, content: bytes, kind: str, status: int) -> None:
    answer = client.post("/api/v1/score", data=content, content_type=kind)
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")


def test_a_thousand_customers_are_scored_at_once(client: FlaskClient) -> None:
    found = scored(client, {"customers": [features(1 + number % 12) for number in range(1000)]})
    assert len(found["scores"]) == 1000


def test_a_description_is_answered_as_by_the_form(client: FlaskClient) -> None:
    found = described(client, {"level": "free", "songs": 100, "days_as_member": "30"})
    assert found["low"] < found["probability"] < found["high"]
    assert "adverts" in found["blank"]
    assert set(described(client, {"songs": "many", "nix": 1}, 422)["errors"]) == {"songs", "nix"}


def test_who_only_reads_scores_nobody(tmp_path: Path) -> None:
    small_store(tmp_path)
    client = small_client(tmp_path, read_only=True)
    for path in ("/score", "/score/described"):
        assert client.post(f"/api/v1{path}", json={"user_ids": ["1"]}).status_code == 403
    assert got(client, "/publication")["is_read_only"] is True
    assert got(client, "/customers")["total"] == len(USERS)


# --- What else there is ---


def test_the_features_are_those_of_the_catalogue_and_tell_which_are_read(client: FlaskClient) -> None:
    items = {each["name"]: each for each in got(client, "/features?limit=200")["items"]}
    assert len(items) == 200
    assert items["level"]["allowed"] == ["free", "paid"]
    assert items["session_count_lifetime"]["is_read"]
    # The encoder reads it, and the scorer has no use for it.
    assert not items["friend_add_count_lifetime"]["is_read"]


def test_the_model_the_campaigns_and_what_came_true(client: FlaskClient) -> None:
    found = got(client, "/model")
    assert found["champion"]["model_version"] == VERSION
    assert found["challenger"]["is_challenger"]
    versions = got(client, "/model/versions")["items"]
    assert len(versions) == 3
    assert found["champion"] in versions
    assert [each["campaign_id"] for each in got(client, "/campaigns")["items"]] == ["winter", "autumn"]
    assert [each["agrees"] for each in got(client, "/outcomes")["items"]] == [False, True]
    assert got(client, "/drift")["items"][0]["feature"] == "score"


def test_a_plan_is_that_of_the_page_and_its_wrong_settings_are_named(client: FlaskClient) -> None:
    found = got(client, "/campaigns/plan?budget=15&offer_cost=5&holdout=0")
    assert len(found["targets"]) == found["chosen"]["offers"] == 3
    assert got(client, "/campaigns/plan?budget=1&offer_cost=5", 422)["errors"].keys() == {"budget"}
    assert got(client, "/campaigns/plan?budget=much", 400)["errors"].keys() == {"budget"}


# --- Publications ---


def test_an_answer_is_sent_once_for_each_publication(client: FlaskClient, tmp_path: Path) -> None:
    first = client.get("/api/v1/customers")
    assert first.headers["Cache-Control"] == "private, no-cache"
    tag = first.headers["ETag"]
    again = client.get("/api/v1/customers", headers={"If-None-Match": tag})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
    later = replace(PUBLICATION, run_id="later", written_at="2018-12-11T00:00:01.000000Z")
    write_store(tmp_path, later, tables() | {"customers": tables()["customers"].head(3)})
    new = client.get("/api/v1/customers", headers={"If-None-Match": tag})
    assert (new.status_code, content(new)["total"]) == (200, 3)
    assert new.headers["ETag"] != tag


def test_before_the_first_publication_it_says_what_to_run(tmp_path: Path) -> None:
    client = small_client(tmp_path)
    assert got(client, "/customers", 503)["detail"] == NOTHING_PUBLISHED
    assert client.get("/api/v1/openapi.json").status_code == 200


def test_every_refusal_is_a_problem_document(client: FlaskClient) -> None:
    asked = [("GET", "/nix", 404), ("DELETE", "/customers", 405), ("GET", "/score", 405), ("GET", "/customers/x", 404)]
    for method, path, status in asked:
        answer = client.open(f"/api/v1{path}", method=method, json={} if method == "DELETE" else None)
        assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
        assert content(answer)["status"] == status
