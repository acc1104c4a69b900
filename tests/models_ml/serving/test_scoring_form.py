"""Score a customer: what is said counts, the rest is as it is with others, what is wrong is told in its place."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from planning_store import CHAMPION, NO_CHAMPION, USERS, VERSION, client, csrf, features, written

from models_ml.portable.calibration import CalibrationBand, PlattScaling
from models_ml.serving.answers.champion import band
from models_ml.serving.answers.scoring_fields import NAMES, choices, read
from models_ml.serving.answers.scoring_form import score_form
from models_ml.serving.answers.stand_ins import others, stand_ins
from models_ml.serving.scoring import columns_of, filled_score, scores
from models_ml.serving.web.problems import Problem

if TYPE_CHECKING:
    from pathlib import Path

    from werkzeug.test import TestResponse

    from models_ml.serving.store import Store

FULL = {
    "gender": "F",
    "level": "free",
    "state": "CA",
    "device": "Windows",
    "days_as_member": "40",
    "days_since_last_seen": "2.5",
    "sessions": "6",
    "songs": "120",
    "adverts": "30",
    "thumbs_up": "4",
    "thumbs_down": "2",
    "friends": "1",
    "playlist_adds": "0",
}
HOSTILE = ("</script><script>alert(1)</script>", "'\" onfocus=x", "a" * 10_000, "1; drop table customers", "../../etc")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return written(tmp_path)


def errors_of(store: Store, given: dict[str, object]) -> dict[str, str]:
    with pytest.raises(Problem) as wrong:
        score_form(store, given)
    assert wrong.value.status == 422
    return wrong.value.errors


def posted(folder: Path, given: dict[str, str]) -> TestResponse:
    user = client(folder)
    return user.post("/score", data=given | {"csrf_token": csrf(user, "/score")})


# --- The mixture ---


def test_of_nothing_said_the_probability_is_the_mean_of_all(store: Store) -> None:
    found = score_form(store, {})
    rows = [features(int(user)) for user in USERS]
    assert found.probability == pytest.approx(np.mean([score.probability for score in scores(CHAMPION, rows)]))
    assert found.low < found.probability < found.high
    assert found.stand_ins == len(USERS)
    assert found.widened_by > 0


def test_of_all_that_counts_said_the_interval_is_that_of_the_calibration() -> None:
    known = features(3)
    found = filled_score(CHAMPION, columns_of(CHAMPION, [known] * 5), ())
    (alone,) = scores(CHAMPION, [known])
    assert found.score == alone
    assert found.widened_by == pytest.approx(0.0)


def test_the_interval_holds_the_share_of_the_mixture_that_it_says() -> None:
    wide = replace(CHAMPION, band=CalibrationBand(PlattScaling(1.0, 0.0), (0.0,), (0.6,), (1.2,)))
    rows = columns_of(wide, [features(int(user)) for user in USERS])
    found = filled_score(wide, rows, ("songs",)).score
    draws = np.random.default_rng(1).normal(size=(len(USERS), 20_000)) / 1.96
    drawn = wide.score(rows)[:, None] + np.where(draws < 0, 0.6, 1.2) * draws
    low, high = np.log([found.low / (1 - found.low), found.high / (1 - found.high)])
    assert np.mean((drawn > low) & (drawn < high)) == pytest.approx(0.95, abs=0.005)
    assert np.mean(drawn < low) == pytest.approx(0.025, abs=0.004)


def test_the_interval_holds_the_probability_even_where_few_pull_it_far_up() -> None:
    rows = [features(2) for _ in range(99)] + [features(2) | {"days_since_last_event": 1e9}]
    found = filled_score(CHAMPION, columns_of(CHAMPION, rows), ()).score
    assert found.low <= found.probability <= found.high


def test_what_is_said_more_narrows_the_answer(store: Store) -> None:
    little, much = score_form(store, {"level": "free"}), score_form(store, FULL)
    assert much.high - much.low < little.high - little.low
    assert much.widened_by < little.widened_by
    assert much.blank == ()
    assert little.blank == ("days_as_member", "days_since_last_seen", "sessions", "songs", "adverts")


def test_the_answer_names_what_no_field_asks_for_and_what_has_no_say(store: Store) -> None:
    found = score_form(store, FULL)
    assert list(found.not_asked) == ["upgrade_page_count_lifetime"]
    assert found.not_asked["upgrade_page_count_lifetime"].startswith("Visits to the upgrade page")
    assert found.not_read == ("gender", "state", "device", "thumbs_up", "thumbs_down", "friends", "playlist_adds")


def test_high_is_what_the_champion_calls_and_middle_is_above_the_mean() -> None:
    bands = [band(risk, 0.1, is_called=is_called) for risk, is_called in ((0.3, True), (0.2, False), (0.1, False))]
    assert bands == ["high", "middle", "low"]
    assert band(0.2, None, is_called=False) == "low"


def test_the_population_is_that_of_the_newest_snapshot(store: Store) -> None:
    found = score_form(store, {})
    assert found.scored_users == len(USERS)
    assert found.mean_probability == pytest.approx(0.325)
    assert found.higher_users == sum(0.05 + 0.05 * place > found.probability for place in range(len(USERS)))


# --- Who stands in ---


def stood_in(store: Store, **said: Any) -> dict[str, Any]:  # noqa: ANN401 - an answer of either type
    return dict(stand_ins(others(store, CHAMPION), said, "2018-12-03"))


def test_songs_and_adverts_are_those_of_the_level(store: Store) -> None:
    rows = stood_in(store, level="paid", songs=100.0, adverts=7.0)
    assert set(rows["song_count_lifetime"]) == {100.0}
    assert set(rows["free_song_count_lifetime"]) == set(rows["free_advert_count_lifetime"]) == {0.0}


def test_without_a_level_each_has_the_songs_on_the_level_of_who_stands_in(store: Store) -> None:
    rows = stood_in(store, songs=100.0)
    assert rows["free_song_count_lifetime"].tolist() == [100.0 * (level == "free") for level in rows["level"]]


def test_what_is_not_said_goes_at_the_pace_of_who_stands_in(store: Store) -> None:
    base, rows = others(store, CHAMPION), stood_in(store, level="free", songs=200.0, days_as_member=20.0)
    assert rows["session_count_lifetime"].tolist() == (base["session_count_lifetime"] / 2).tolist()
    is_free = base["level"] == "free"
    # One advert in 20 songs by each on free; who never was on free has the rate of all.
    assert rows["free_advert_count_lifetime"] == pytest.approx(10.0)
    assert rows["upgrade_page_count_lifetime"][is_free] == pytest.approx(
        200 * (base["upgrade_page_count_lifetime"] / np.maximum(base["free_song_count_lifetime"], 1))[is_free]
    )


def test_nobody_is_observed_longer_than_the_log_or_silent_longer_than_a_member(store: Store) -> None:
    rows = stood_in(store, days_as_member=900.0)
    assert set(rows["days_observed"]) == {40.0}
    rows = stood_in(store, days_as_member=5.0)
    assert set(rows["days_observed"]) == {5.0}
    assert rows["days_since_last_event"].max() == 5.0


def test_of_many_users_500_stand_in_drawn_evenly(tmp_path: Path) -> None:
    many = pd.DataFrame(
        {
            "user_id": [f"{number:05}" for number in range(1200)],
            "as_of_date": "2018-12-03",
            "is_newest": True,
            "features": [json.dumps(features(number)) for number in range(1200)],
        }
    )
    base = others(written(tmp_path, snapshots=many), CHAMPION)
    assert base["session_count_lifetime"].tolist() == list(range(0, 1200, 3))


def test_those_of_the_level_stand_in_alone_where_there_are_enough(tmp_path: Path) -> None:
    rows = [features(number) for number in range(80)]
    many = pd.DataFrame({"user_id": range(80), "as_of_date": "2018-12-03", "is_newest": True})
    store = written(tmp_path, snapshots=many.assign(features=[json.dumps(row) for row in rows]))
    assert score_form(store, {"level": "free"}).stand_ins == 40
    assert score_form(store, {}).stand_ins == 80


# --- Faults ---


@pytest.mark.parametrize(
    ("field", "value", "must"),
    [
        ("songs", "abc", "whole number"),
        ("songs", "1.5", "whole number"),
        ("songs", "-1", "whole number"),
        ("songs", "1e3", "whole number"),
        ("songs", "10000001", "from 0 to 10,000,000"),
        ("songs", "٣", "whole number"),
        ("songs", True, "whole number"),
        ("songs", [1], "whole number"),
        ("songs", float("nan"), "whole number"),
        ("days_as_member", "inf", "number"),
        ("days_as_member", "36526", "from 0 to 36,525"),
        ("level", "gold", "one of free, paid"),
        ("state", "XX", "one of CA, NY"),
        ("playlist", "1", "no such field"),
    ],
)
def test_a_wrong_field_is_told_what_it_has_to_be(store: Store, field: str, value: object, must: str) -> None:
    errors = errors_of(store, FULL | {field: value})
    assert list(errors) == [field]
    assert must in errors[field]


def test_what_cannot_be_true_together_is_refused(store: Store) -> None:
    errors = errors_of(store, {"days_as_member": 3, "days_since_last_seen": 4, "songs": 5, "sessions": 0})
    assert set(errors) == {"days_since_last_seen", "sessions"}


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_values_are_refused_in_every_field(store: Store, value: str) -> None:
    assert set(errors_of(store, dict.fromkeys(NAMES, value))) == set(NAMES)


def test_programs_may_send_numbers_and_nothing(store: Store) -> None:
    assert read({"songs": 3, "days_as_member": 4.0, "level": None, "sessions": " "}, choices(store)) == {
        "songs": 3.0,
        "days_as_member": 4.0,
    }


def test_without_a_champion_there_is_no_score(tmp_path: Path) -> None:
    store = written(tmp_path, NO_CHAMPION, customers=None, snapshots=None)
    with pytest.raises(Problem, match="no champion yet") as wrong:
        score_form(store, {})
    assert wrong.value.status == 409
    assert "sparkhouse train" in client(tmp_path).get("/score").get_data(as_text=True)


def test_without_a_snapshot_the_medians_stand_in_and_the_page_says_so(tmp_path: Path) -> None:
    store = written(tmp_path, snapshots=None, customers=None, predictions=None)
    found = score_form(store, {"level": "free"})
    assert (found.stand_ins, found.mean_probability) == (0, None)
    assert found.widened_by == pytest.approx(0.0)
    assert "medians of the rows" in posted(tmp_path, {"level": "free"}).get_data(as_text=True)


# --- The page ---


def test_the_form_is_answered_and_keeps_what_was_filled_in(store: Store, tmp_path: Path) -> None:
    answer = posted(tmp_path, FULL)
    text = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert f'value="{score_form(store, FULL).probability}"' in text
    assert 'value="120"' in text
    assert "<option selected>free</option>" in text
    assert f"Model {VERSION}" in text


@pytest.mark.usefixtures("store")
def test_a_wrong_form_comes_back_with_a_message_at_each_field(tmp_path: Path) -> None:
    answer = posted(tmp_path, FULL | {"songs": '"><script>'})
    text = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "<script>" not in text.replace("<script src", "")
    assert 'aria-describedby="songs-hint songs-error" aria-invalid="true"' in text
    assert 'id="songs-error"' in text
    assert 'value="30"' in text


@pytest.mark.usefixtures("store")
def test_a_very_long_value_is_not_given_back_whole(tmp_path: Path) -> None:
    assert len(posted(tmp_path, {"songs": "9" * 100_000}).data) < 30_000


@pytest.mark.usefixtures("store")
def test_a_form_without_the_token_of_its_session_is_refused(tmp_path: Path) -> None:
    assert client(tmp_path).post("/score", data=FULL).status_code == 403


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("method", ["get", "post"])
def test_who_only_reads_scores_nobody(tmp_path: Path, method: str) -> None:
    user = client(tmp_path, read_only=True)
    token = csrf(user, "/login")
    answer = getattr(user, method)("/score", **({"data": {"csrf_token": token}} if method == "post" else {}))
    assert answer.status_code == 403
    assert "--read-only" in answer.get_data(as_text=True)


def test_without_a_level_those_of_no_known_level_do_not_stand_in_alone(tmp_path: Path) -> None:
    rows = [features(number) | ({"level": None} if number < 35 else {}) for number in range(80)]
    many = pd.DataFrame({"user_id": range(80), "as_of_date": "2018-12-03", "is_newest": True})
    store = written(tmp_path, snapshots=many.assign(features=[json.dumps(row) for row in rows]))
    assert score_form(store, {"songs": "5"}).stand_ins == 80
