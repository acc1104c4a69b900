"""The page of one customer: its numbers are the store's, neighbours are counted right, and what-if is consistent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
import pytest
from planning_store import CHAMPION, NEWEST, features
from serving_store import DATES, GONE, STRANGE, USERS, bare_store, first_store, small_client, small_store

from models_ml.evaluation.reliability import wilson_interval
from models_ml.serving.answers.customer import customer, days, events, inputs, newest_features, predictions, risk
from models_ml.serving.answers.similar import similar
from models_ml.serving.answers.what_if import levers, what_if
from models_ml.serving.scoring import columns_of, scores
from models_ml.serving.store import Stores
from models_ml.serving.web.problems import Problem

if TYPE_CHECKING:
    from pathlib import Path

    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from models_ml.serving.store import Row, Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    small_store(tmp_path)
    return Stores(tmp_path).newest()


@pytest.fixture
def client(tmp_path: Path, store: Store) -> FlaskClient:
    assert store.path.exists()
    return small_client(tmp_path)


def address(user: str) -> str:
    return f"/customers/{quote(user, safe='')}"


def csrf(client: FlaskClient) -> str:
    return client.get("/").get_data(as_text=True).split('data-csrf="')[1].split('"')[0]


def ask(client: FlaskClient, changes: object, user: str = "3", **headers: str) -> TestResponse:
    return client.post(f"{address(user)}/what-if", json=changes, headers={"X-CSRF-Token": csrf(client)} | headers)


def test_the_risk_is_that_of_the_store_in_words(store: Store, client: FlaskClient) -> None:
    row = customer(store, "1")
    found = risk(store, row)
    assert found is not None
    assert (found.probability, found.low, found.high) == (
        row["probability"],
        row["probability_low"],
        row["probability_high"],
    )
    bands = {user: told.band for user in USERS if (told := risk(store, customer(store, user)))}
    for user, band in bands.items():
        own = customer(store, user)
        assert (band == "high") == bool(own["predicted_churn"])
        assert (band == "low") == (not own["predicted_churn"] and own["probability"] <= found.mean)
    assert "The mean of all who were scored is" in client.get("/customers/1").get_data(as_text=True)


def test_all_predictions_have_their_model_and_what_came_true(store: Store, client: FlaskClient) -> None:
    told = predictions(store, GONE)
    assert [(each["as_of_date"], each["model_version"], each["outcome"]) for each in told] == [
        (f"{DATES[0]}", "v1-old", 1),
        (f"{DATES[1]}", "v2-abc", None),
    ]
    text = client.get(f"/customers/{GONE}").get_data(as_text=True)
    assert "<td>left</td>" in text
    assert "<td>not known yet</td>" in text
    assert "this customer cancelled on" in text


def test_days_add_up_the_sessions_that_began_on_them(store: Store) -> None:
    assert [(each["day"], each["sessions"], each["songs"]) for each in days(store, "1")] == [
        ("2018-11-18", 1, 22),
        ("2018-11-25", 1, 21),
        ("2018-12-02", 1, 20),
    ]
    assert sum(each["has_cancellation"] for each in days(store, GONE)) == 1


def test_notable_events_are_in_order_with_changes_of_level(store: Store) -> None:
    spells: list[Row] = [
        {"level": "free", "started_at": "2018-11-03T00:00:00Z", "ended_at": "2018-11-09T00:00:00Z"},
        {"level": "paid", "started_at": "2018-11-09T00:00:00Z", "ended_at": None},
    ]
    found = events(customer(store, GONE), spells)
    assert [what for _, what in found] == [
        "registered",
        "first event in the log",
        "from free to paid",
        "cancelled",
        "last event in the log",
    ]
    assert found == sorted(found)


def test_inputs_have_the_own_value_and_what_is_usual(store: Store) -> None:
    found = {each.name: each for each in inputs(store, newest_features(store, "3"))}
    silent = found["days_since_last_event"]
    assert (silent.value, silent.usual, silent.lower, silent.middle, silent.upper) == (3.0, 2.0, 3, 6, 9)
    assert found["level"].usual is None
    assert "friend_add_count_lifetime" not in found


def test_neighbours_are_the_nearest_others_of_dates_whose_outcomes_are_known(store: Store) -> None:
    found = similar(store, "3", newest_features(store, "3"))
    assert found is not None
    rows = [json.loads(each["features"]) for each in known(store)]
    users = [each["user_id"] for each in known(store)]
    elements = CHAMPION.elements(columns_of(CHAMPION, rows))
    spread = elements.std(axis=0)
    spread[spread == 0] = 1
    own = CHAMPION.elements(columns_of(CHAMPION, [newest_features(store, "3") or {}]))
    distances = np.sqrt((((elements - own) / spread) ** 2).sum(axis=1))
    wanted = sorted((distance, user) for distance, user in zip(distances, users, strict=True) if user != "3")
    assert [each.distance for each in found.nearest] == pytest.approx([distance for distance, _ in wanted])
    assert {each.as_of_date for each in found.nearest} == {f"{DATES[0]}"}
    assert (found.customers, found.snapshots, found.left, len(found.nearest)) == (12, 12, 1, 11)
    assert (found.low, found.high) == pytest.approx(wilson_interval(1 / 11, 11))


def known(store: Store) -> list[dict[str, Any]]:
    return store.rows("select * from snapshots where outcome is not null order by user_id")


def test_a_leaver_of_a_date_at_which_nobody_is_known_to_stay_is_no_neighbour(tmp_path: Path) -> None:
    from planning_store import PUBLICATION
    from serving_store import past, snapshots, tables

    from models_ml.serving.store_file import write_store

    rows = snapshots()
    # He left soon; of the others at that date nothing is known before the horizon is over.
    rows.loc[(rows.as_of_date == DATES[1]) & (rows.user_id == "4"), "outcome"] = True
    write_store(tmp_path, PUBLICATION, tables() | {"snapshots": rows} | past(rows))
    state = Stores(tmp_path).newest()
    found = similar(state, "3", newest_features(state, "3"))
    assert found is not None
    assert (found.snapshots, found.left) == (12, 1)


def test_a_file_of_an_earlier_version_says_nothing_of_similar_customers(tmp_path: Path) -> None:
    from planning_store import PUBLICATION
    from serving_store import tables

    from models_ml.serving.store_file import write_store

    write_store(tmp_path, PUBLICATION, tables() | {"past": None, "past_elements": None})
    state = Stores(tmp_path).newest()
    assert similar(state, "3", newest_features(state, "3")) is None
    answer = small_client(tmp_path).get("/customers/3")
    assert (answer.status_code, "There is nothing to compare" in answer.text) == (200, True)


def test_what_is_not_changed_scores_as_was_published(store: Store) -> None:
    for user in USERS:
        if user != GONE:
            found = what_if(store, user, {})
            assert found.moved == {}
            assert found.then == found.now
            assert found.now.probability == pytest.approx(customer(store, user)["probability"])


def test_songs_and_adverts_are_added_to_the_level_that_is_chosen(store: Store) -> None:
    found = what_if(store, "3", {"song_count_lifetime": 100, "advert_count_lifetime": 13})
    assert found.moved == {
        "song_count_lifetime": 100,
        "free_song_count_lifetime": 100.0,
        "advert_count_lifetime": 13,
        "free_advert_count_lifetime": 13.0,
    }
    by_hand = features(3) | found.moved
    assert found.then == scores(CHAMPION, [by_hand])[0]
    paid = what_if(store, "3", {"level": "paid", "song_count_lifetime": 100})
    assert paid.moved == {"level": "paid", "song_count_lifetime": 100, "paid_song_count_lifetime": 40.0}


def test_what_a_level_does_not_have_is_taken_from_the_other(store: Store) -> None:
    moved = what_if(store, "3", {"level": "paid", "song_count_lifetime": 10}).moved
    assert moved == {"level": "paid", "song_count_lifetime": 10, "free_song_count_lifetime": 10.0}


def test_counts_of_other_windows_stay_consistent() -> None:
    from models_ml.serving.answers.what_if import _move

    row = {"song_count_7d": 5.0, "song_count_28d": 20.0, "song_count_lifetime": 100.0, "free_song_count_lifetime": 60.0}
    more = row | {"level": "free"}
    _move(more, "song_count_28d", 30.0)
    assert [more[name] for name in row] == [5.0, 30.0, 110.0, 70.0]
    fewer = row | {"level": "free"}
    _move(fewer, "song_count_28d", 2.0)
    assert [fewer[name] for name in row] == [2.0, 2.0, 82.0, 42.0]


def test_the_answer_comes_as_json_with_what_moved(store: Store, client: FlaskClient) -> None:
    answer = ask(client, {"days_since_last_event": 30})
    assert answer.status_code == 200
    assert answer.json is not None
    wanted = what_if(store, "3", {"days_since_last_event": 30})
    assert answer.json["then"]["probability"] == wanted.then.probability > wanted.now.probability
    assert answer.json["moved"] == {"days_since_last_event": 30}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"song_count_lifetime": -1}, "song_count_lifetime"),
        ({"song_count_lifetime": "many"}, "song_count_lifetime"),
        ({"song_count_lifetime": None}, "song_count_lifetime"),
        ({"song_count_lifetime": True}, "song_count_lifetime"),
        ({"song_count_lifetime": 1e300}, "song_count_lifetime"),
        ({"song_count_lifetime": [1]}, "song_count_lifetime"),
        ({"level": "gold"}, "level"),
        ({"level": {}}, "level"),
        ({"days_observed": 3}, "days_observed"),
        ({"</script>": 3}, "</script>"),
    ],
)
def test_a_change_that_is_wrong_is_named(client: FlaskClient, changes: dict[str, Any], field: str) -> None:
    answer = ask(client, changes)
    assert answer.status_code == 422
    assert answer.json is not None
    assert list(answer.json["errors"]) == [field]


@pytest.mark.parametrize("body", ["", "[]", "1", "{", '{"a": NaN}', '"\\ud800"', "[" * 10_000])
def test_what_is_no_json_object_is_refused(client: FlaskClient, body: str) -> None:
    headers = {"X-CSRF-Token": csrf(client)}
    answer = client.post("/customers/3/what-if", data=body, content_type="application/json", headers=headers)
    assert answer.status_code == 400


def test_what_if_needs_the_token_of_the_page(client: FlaskClient) -> None:
    assert client.post("/customers/3/what-if", json={}).status_code == 403


def test_the_form_answers_without_a_script(store: Store, client: FlaskClient) -> None:
    shown = {lever.name: lever.shown for lever in levers(store, newest_features(store, "3"))}
    form = shown | {"level": "free", "days_since_last_event": "30", "csrf_token": csrf(client)}
    answer = client.post("/customers/3/what-if", data=form)
    assert answer.status_code == 200
    wanted = what_if(store, "3", {"days_since_last_event": 30.0}).then.probability
    assert f'<data value="{wanted}"' in answer.get_data(as_text=True)
    wrong = client.post("/customers/3/what-if", data=form | {"days_since_last_event": "<b>many"})
    assert wrong.status_code == 422
    assert "a number from 0 to 1,000,000" in wrong.get_data(as_text=True)
    assert "&lt;b&gt;many" in wrong.get_data(as_text=True)


@pytest.mark.usefixtures("store")
def test_a_server_that_only_reads_scores_nobody(tmp_path: Path) -> None:
    client = small_client(tmp_path, read_only=True)
    assert ask(client, {}).status_code == 403
    assert "--read-only" in client.get("/customers/3").get_data(as_text=True)


@pytest.mark.parametrize("user", STRANGE)
def test_an_id_may_be_any_text(client: FlaskClient, user: str) -> None:
    answer = client.get(address(user))
    text = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert text.count("</script>") == text.count("<script")
    assert ask(client, {}, user).status_code == 200


@pytest.mark.parametrize(
    "user", ["nobody", "x" * 10_000, "1%2F2", "..", "1' or '1'='1", "1/what-if", "%00", "1/", "a//b", "</script>"]
)
def test_who_is_not_there_is_not_found(client: FlaskClient, user: str) -> None:
    answer = client.get(address(user))
    text = answer.get_data(as_text=True)
    assert answer.status_code == 404
    assert len(text) < 4_000
    assert text.count("</script>") == text.count("<script")
    assert ask(client, {}, user).status_code == 404


def test_who_has_no_snapshot_cannot_be_moved(client: FlaskClient) -> None:
    text = client.get(f"/customers/{GONE}").get_data(as_text=True)
    assert "The newest snapshot has no features of this customer to change" in text
    answer = ask(client, {"days_since_last_event": 3}, GONE)
    assert answer.status_code == 409
    assert answer.json is not None
    assert GONE in answer.json["detail"]


def test_before_a_model_the_page_says_what_makes_one(tmp_path: Path) -> None:
    first_store(tmp_path)
    client = small_client(tmp_path)
    text = client.get("/customers/3").get_data(as_text=True)
    assert "<code>sparkhouse train</code>" in text
    assert "There is nothing to compare" in text
    assert "2018-11-16" in text
    assert ask(client, {}).status_code == 409


def test_without_any_table_there_is_no_customer(tmp_path: Path) -> None:
    bare_store(tmp_path)
    assert small_client(tmp_path).get("/customers/3").status_code == 404


def test_the_newest_snapshot_alone_is_moved(store: Store) -> None:
    assert newest_features(store, GONE) is None
    assert newest_features(store, "3") == features(3)
    with pytest.raises(Problem):
        what_if(store, GONE, {})
    assert f"{NEWEST}" == customer(store, "3")["as_of_date"]
