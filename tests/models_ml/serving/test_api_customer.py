"""A customer beside others and beside what could be: the API answers what the page shows."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest
from planning_store import VERSION, csrf
from serving_store import GONE, STRANGE, USERS, first_store, small_client, small_store

from models_ml.serving.answers.customer import newest_features
from models_ml.serving.answers.similar import similar
from models_ml.serving.store import Stores

if TYPE_CHECKING:
    from pathlib import Path

    from flask.testing import FlaskClient

    from models_ml.serving.store import Store


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    small_store(tmp_path)
    return small_client(tmp_path)


@pytest.fixture
def store(client: FlaskClient, tmp_path: Path) -> Store:  # noqa: ARG001 - the client's is written first
    return Stores(tmp_path).newest()


def alike(client: FlaskClient, status: int = 200, **query: str) -> Any:  # noqa: ANN401 - JSON
    answer = client.get("/api/v1/similar", query_string=query)
    assert answer.status_code == status, answer.text
    return json.loads(answer.data)


def changed(client: FlaskClient, body: object, status: int = 200) -> Any:  # noqa: ANN401 - JSON
    answer = client.post("/api/v1/what-if", json=body)
    assert answer.status_code == status, answer.text
    return json.loads(answer.data)


# --- Similar customers ---


@pytest.mark.parametrize("user", [*STRANGE, "3"])
def test_the_nearest_are_those_of_the_page(client: FlaskClient, store: Store, user: str) -> None:
    found, wanted = alike(client, user_id=user), similar(store, user, newest_features(store, user))
    assert wanted is not None
    assert (found["user_id"], found["model_version"]) == (user, VERSION)
    assert found["nearest"] == [asdict(each) for each in wanted.nearest]
    assert user not in {each["user_id"] for each in found["nearest"]}
    assert (found["left"], found["share"], found["low"]) == (wanted.left, wanted.share, wanted.low)


def test_who_is_asked_for_has_to_be_said_once_and_to_be_there(client: FlaskClient) -> None:
    must = {"user_id": "Has to be a text of 1 to 200 letters."}
    assert alike(client, 400)["errors"] == must
    assert alike(client, 400, user_id="")["errors"] == must
    assert alike(client, 400, user_id="a" * 201)["errors"] == must
    for text in ("nobody", "' or 1=1 --", "</script>", "../../etc/passwd", "\x00"):
        alike(client, 404, user_id=text)


def test_who_is_not_in_the_newest_snapshot_is_compared_with_nobody(client: FlaskClient) -> None:
    assert "newest snapshot" in alike(client, 409, user_id=GONE)["detail"]


@pytest.mark.parametrize("user", ["3/similar", "3/what-if"])
def test_a_user_who_is_called_like_a_path_is_a_user(client: FlaskClient, user: str) -> None:
    assert f"no customer {user}" in json.loads(client.get(f"/api/v1/customers/{user}").data)["detail"]


def test_who_only_reads_compares_and_changes_nothing(tmp_path: Path) -> None:
    small_store(tmp_path)
    client = small_client(tmp_path, read_only=True)
    assert alike(client, user_id="3")["nearest"]
    assert "--read-only" in changed(client, {"user_id": "3", "changes": {}}, 403)["detail"]


def test_without_a_champion_it_says_what_makes_one(tmp_path: Path) -> None:
    first_store(tmp_path)
    client = small_client(tmp_path)
    assert "sparkhouse train" in alike(client, 409, user_id="3")["detail"]
    assert "sparkhouse train" in changed(client, {"user_id": "3", "changes": {}}, 409)["detail"]


# --- What if ---


@pytest.mark.parametrize("user", [*STRANGE, "3"])
def test_the_score_of_now_is_that_of_the_newest_prediction(client: FlaskClient, user: str) -> None:
    found = changed(client, {"user_id": user, "changes": {}})
    rows = json.loads(client.get("/api/v1/customers").data)["items"]
    published = {each["user_id"]: each["probability"] for each in rows}
    assert found["now"]["probability"] == pytest.approx(published[user])
    assert (found["then"], found["moved"], found["user_id"]) == (found["now"], {}, user)


def test_a_change_is_answered_as_by_the_page(client: FlaskClient) -> None:
    inputs = changed(client, {"user_id": "3", "changes": {}})["inputs"]
    changes = {inputs[0]["name"]: inputs[0]["value"] + 7}
    found = changed(client, {"user_id": "3", "changes": changes})
    ours = {"X-CSRF-Token": csrf(client, "/customers/3")}
    of_page = json.loads(client.post("/customers/3/what-if", json=changes, headers=ours).data)
    assert {name: found[name] for name in of_page} == of_page
    assert changes.items() <= found["moved"].items()
    assert found["then"]["probability"] != found["now"]["probability"]


def test_each_wrong_change_is_named_with_what_it_has_to_be(client: FlaskClient) -> None:
    name = changed(client, {"user_id": "3", "changes": {}})["inputs"][0]["name"]
    wrong = {name: -1, "level": "gold", "nix</script>": 1, "a" * 10_000: 1}
    errors = changed(client, {"user_id": "3", "changes": wrong}, 422)["errors"]
    assert errors[f"changes.{name}"] == "A number from 0 to 1,000,000."
    assert "changes.nix</script>" in errors
    assert max(map(len, errors)) < 300


@pytest.mark.parametrize("value", ["many", None, True, [], {}, 1e300, -0.5])
def test_an_amount_that_is_none_is_refused(client: FlaskClient, value: object) -> None:
    name = changed(client, {"user_id": "3", "changes": {}})["inputs"][0]["name"]
    assert list(changed(client, {"user_id": "3", "changes": {name: value}}, 422)["errors"]) == [f"changes.{name}"]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"user_id", "changes"}),
        ({"user_id": 3, "changes": {}}, {"user_id"}),
        ({"user_id": "", "changes": {}}, {"user_id"}),
        ({"user_id": "a" * 201, "changes": {}}, {"user_id"}),
        ({"user_id": "3", "changes": []}, {"changes"}),
        ({"user_id": "3", "changes": None, "nix": 1}, {"changes", "nix"}),
        ({"user_id": "3", "changes": {}, "nix": 1}, {"nix"}),
    ],
)
def test_bodies_of_another_form_are_refused_by_field(client: FlaskClient, body: object, fields: set[str]) -> None:
    assert set(changed(client, body, 422)["errors"]) == fields


def test_who_is_unknown_or_gone_cannot_be_changed(client: FlaskClient) -> None:
    assert "nobody" not in USERS
    changed(client, {"user_id": "nobody", "changes": {}}, 404)
    changed(client, {"user_id": GONE, "changes": {}}, 409)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_what_a_form_of_another_site_can_send_is_refused(client: FlaskClient, kind: str) -> None:
    answer = client.post("/api/v1/what-if", data=b'{"user_id": "3", "changes": {}}', content_type=kind)
    assert answer.status_code == 403
