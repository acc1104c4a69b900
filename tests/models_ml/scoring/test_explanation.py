"""Reasons: what a person would name, in words, from the user's own values."""

from __future__ import annotations

from dataclasses import replace
from time import process_time
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pytest

from models_ml.dataset.vectors import derivations
from models_ml.portable.behaviour import BehaviourClasses
from models_ml.portable.calibration import CalibrationBand, PlattScaling
from models_ml.portable.encoder import Encoder
from models_ml.portable.linear import LinearScorer
from models_ml.portable.model import PortableModel
from models_ml.portable.rate import Rate
from models_ml.scoring.reasons import reasons
from models_ml.scoring.wording import FORMS, PLAIN, in_words, rate_in_words
from models_ml.scoring.written_numbers import beside, multiple, number, percent
from warehouse.contract.catalogue import Form, features

if TYPE_CHECKING:
    from numpy.typing import NDArray

NAN = float("nan")
USUAL = {"advert_count_7d": 3.0, "session_minutes_mean_28d": 50.0, "days_since_last_event": 2.0}
CLASSES = BehaviourClasses(
    counts=("paid_advert_count_lifetime", "thumbs_down_count_lifetime"),
    exposures=("paid_song_count_lifetime", "song_count_lifetime"),
    shares=(0.92, 0.08),
    rates=((0.01, 0.02), (0.2, 0.03)),
)
ENCODER = Encoder(
    medians=USUAL,
    missing=("session_minutes_mean_28d",),
    levels={"level": ("free", "paid"), "gender": ("F", "M")},
    rates=(Rate("sessions_per_day", "session_count_lifetime", "days_observed", 2.0, 10.0),),
    behaviour=CLASSES,
)
NAMED: dict[str, Any] = {
    "label": "will_churn_soon",
    "horizon_days": 14,
    "algorithm": "logistic_regression",
    "threshold": 0.5,
}
GROUPS = ("advert_count_7d", "session_minutes_mean_28d", "days_since_last_event", "level", "gender", "sessions_per_day")
# Contributions come from the elements at 0, so a group's weight is its own in each test.
QUIET: dict[str, Any] = {
    "advert_count_7d": 0.0,
    "session_minutes_mean_28d": 50.0,
    "days_since_last_event": 2.0,
    "level": "free",
    "gender": "F",
    "session_count_lifetime": 8.0,
    "days_observed": 40.0,
    "paid_advert_count_lifetime": 0.0,
    "paid_song_count_lifetime": 0.0,
    "thumbs_down_count_lifetime": 4.0,
    "song_count_lifetime": 200.0,
}


def model(**coefficients: float) -> PortableModel:
    """A linear model of the named elements only, each told from 0."""
    names = list(ENCODER.elements)
    weights = np.array([coefficients.get(name.replace("=", "_is_"), 0.0) for name in names])
    scorer = LinearScorer(weights, -2.0, np.zeros(len(names)), np.ones(len(names)))
    band = CalibrationBand(PlattScaling(1.0, 0.0), (0.0,), (0.1,), (0.1,))
    indices = tuple(range(len(names)))
    return PortableModel(encoder=ENCODER, indices=indices, scorer=scorer, band=band, usual=USUAL, **NAMED)


def rows(*users: dict[str, Any]) -> dict[str, NDArray[Any]]:
    """The columns of users who are quiet but for what is given."""
    filled = [QUIET | user for user in users]
    strings = ("level", "gender")
    return {name: np.array([user[name] for user in filled], object if name in strings else float) for name in QUIET}


def test_a_number_is_told_beside_the_usual() -> None:
    said = reasons(model(advert_count_7d=1.0), rows({"advert_count_7d": 12.0}))
    assert said == [("12 adverts in the last 7 days, 4 times the usual (more risk)",)]


def test_an_upgrade_is_no_risk() -> None:
    upgrade = replace(model(advert_count_7d=1.0, days_since_last_event=-1.0), label="will_upgrade")
    said = reasons(upgrade, rows({"advert_count_7d": 12.0, "days_since_last_event": 2.0}))
    assert said == [
        (
            "12 adverts in the last 7 days, 4 times the usual (more likely)",
            "last seen 2 days ago, as usual (less likely)",
        )
    ]


def test_reasons_come_weightiest_first_and_no_more_than_asked_for() -> None:
    weighed = model(advert_count_7d=0.1, days_since_last_event=-1.0, level_is_paid=0.5)
    user = rows({"advert_count_7d": 3.0, "days_since_last_event": 13.0, "level": "paid"})
    ranked = (
        "last seen 13 days ago, usually 2 (less risk)",
        "on the level paid (more risk)",
        "3 adverts in the last 7 days, as usual (more risk)",
    )
    assert reasons(weighed, user) == [ranked]
    assert reasons(weighed, user, top=2) == [ranked[:2]]


def test_a_number_counts_together_with_its_indicator() -> None:
    # log1p(50) * 1 - 2 is 1.93: without the indicator 3.93, which is more than the adverts' log1p(12) = 2.56.
    weighed = model(session_minutes_mean_28d=1.0, session_minutes_mean_28d__is_missing=-2.0, advert_count_7d=1.0)
    said = reasons(weighed, rows({"session_minutes_mean_28d": NAN, "advert_count_7d": 12.0}))
    assert said == [
        (
            "12 adverts in the last 7 days, 4 times the usual (more risk)",
            "no sessions in the last 28 days (more risk)",
        )
    ]


def test_what_two_columns_lack_for_the_same_want_is_said_once() -> None:
    encoder = Encoder({"songs_per_session_28d": 5.0, "session_minutes_mean_28d": 50.0, "song_count_7d": 3.0}, (), {})
    scorer = LinearScorer(np.array([1.0, -2.0, 0.1]), 0.0, np.zeros(3))
    sparse = replace(model(), encoder=encoder, indices=(0, 1, 2), scorer=scorer, usual=encoder.medians)
    columns = {name: np.array([3.0 if name == "song_count_7d" else NAN]) for name in encoder.medians}
    assert reasons(sparse, columns) == [
        ("no sessions in the last 28 days (less risk)", "3 songs in the last 7 days, as usual (more risk)")
    ]


def test_a_rate_is_told_by_count_exposure_and_pace() -> None:
    # (9 + 2) / (21 + 10) is 0.355 a day, against the population's 0.2; its log is negative, so the weight is too.
    weighed = model(sessions_per_day=-1.0)
    users = rows({"session_count_lifetime": 9.0, "days_observed": 21.0}, {}, {"session_count_lifetime": NAN})
    assert reasons(weighed, users) == [
        ("9 sessions in 21 days, 1.8 times the usual pace (more risk)",),
        ("8 sessions in 40 days, the usual pace (more risk)",),
        ("no sessions in 40 days, 20 % of the usual pace (more risk)",),
    ]


def test_behaviour_is_told_by_the_count_that_speaks_for_the_class() -> None:
    # The mean rate on paid is 0.92 * 0.01 + 0.08 * 0.2 = 0.0252: 6.3 adverts in 250 songs.
    users = rows({"paid_advert_count_lifetime": 41.0, "paid_song_count_lifetime": 250.0})
    assert reasons(model(behaviour_2=1.0, behaviour_1=0.3), users) == [
        ("41 adverts in 250 songs on paid, 6.5 times the usual (more risk)",)
    ]


def test_behaviour_is_not_told_by_what_speaks_against_the_class() -> None:
    """Adverts set the class apart most; but this user is in it for thumbs, without a song on paid, or an advert."""
    thumbs = {"thumbs_down_count_lifetime": 60.0, "song_count_lifetime": 400.0}
    users = rows(thumbs, thumbs | {"paid_song_count_lifetime": 10.0})
    told = "60 thumbs down in 400 songs, 7.2 times the usual (less risk)"
    assert reasons(model(behaviour_2=-1.0), users) == [(told,), (told,)]


def test_what_a_person_is_stands_in_no_reason() -> None:
    said = reasons(model(gender_is_F=0.7, level_is_paid=0.1), rows({}, {"gender": None, "level": "paid"}))
    assert said == [("the gender given (more risk)",), ("on the level paid (more risk)",)]


def test_what_adds_nothing_is_no_reason() -> None:
    assert reasons(model(), rows({}, {})) == [(), ()]


def test_no_rows_have_no_reasons() -> None:
    nobody = {name: values[:0] for name, values in rows({}).items()}
    assert reasons(model(advert_count_7d=1.0), nobody) == []


def test_groups_hold_each_element_once_and_their_contributions_add_up_to_the_score() -> None:
    weighed = model(advert_count_7d=0.1, level_is_paid=-0.5, sessions_per_day=0.4, behaviour_2=0.9)
    columns = rows({"advert_count_7d": 5.0}, {"level": "paid"})
    groups = ENCODER.groups(weighed.indices)
    assert list(groups) == [*GROUPS, "behaviour"]
    assert sorted(place for indices in groups.values() for place in indices) == list(range(len(ENCODER.elements)))
    base, phi = weighed.scorer.contributions(weighed.elements(columns))
    summed = base + sum(phi[:, indices].sum(axis=1) for indices in groups.values())
    assert summed == pytest.approx(weighed.score(columns), abs=1e-9)


def test_groups_are_places_among_what_the_scorer_sees() -> None:
    names = list(ENCODER.elements)
    indices = [names.index(name) for name in ("level=paid", "session_minutes_mean_28d__is_missing", "behaviour_2")]
    assert ENCODER.groups(indices) == {"level": [0], "session_minutes_mean_28d": [1], "behaviour": [2]}


@pytest.mark.parametrize("value", [0.0, 1.0, -0.37, 12.0, NAN, None])
def test_each_feature_of_the_catalogue_has_a_sentence(value: float | None) -> None:
    for feature in features():
        is_string = feature.data_type == "string"
        sentence = in_words(feature.name, str(value), None) if is_string else in_words(feature.name, value, 0.5)
        assert sentence
        assert not set("_{}()") & set(sentence), sentence
        assert sentence == " ".join(sentence.split())


def test_each_form_of_the_catalogue_has_its_wording_and_no_wording_is_idle() -> None:
    assert {*get_args(Form)} == {*FORMS} - {PLAIN}
    assert {feature.form for feature in features()} == {*get_args(Form)}


def test_each_derived_feature_has_its_sentence() -> None:
    for name in (*derivations()["rates"], *derivations()["behaviour"]):
        assert ":" not in rate_in_words(name, 2, 3)


def test_a_column_without_a_noun_goes_by_its_name() -> None:
    assert in_words("points_of_loyalty_7d", 4.0, 2.0) == "points of loyalty 4 in the last 7 days, usually 2"
    assert in_words("points_of_loyalty", NAN) == "no points of loyalty known"
    assert in_words("street_lived_in", "Elm Street") == "street lived in"


@pytest.mark.parametrize(
    ("name", "value", "usual", "sentence"),
    [
        ("advert_count_1d", 1.0, 0.0, "1 advert on the last day, usually none"),
        ("advert_count_lifetime", 0.0, 0.0, "no adverts so far, as usual"),
        ("song_count_28d", 0.0, 140.5, "no songs in the last 28 days, usually 140"),
        ("song_count_lifetime", 1234.0, 617.0, "1,234 songs so far, twice the usual"),
        ("distinct_song_count_28d", 1.0, 2.0, "1 different song in the last 28 days, half the usual"),
        ("listening_hours_7d", 2.52, 2.5, "2.5 hours of songs in the last 7 days, as usual"),
        ("advert_share_28d", 0.41, 0.12, "41 % of the events in the last 28 days were adverts, usually 12 %"),
        (
            "help_share_28d",
            0.004,
            0.0,
            "0.4 % of the events in the last 28 days were visits to the help page, usually none",
        ),
        ("advert_velocity_7d", -0.6, 0.0, "0.6 fewer adverts a day in the last 7 days than before, usually no more"),
        (
            "advert_deviation_7d",
            2.01,
            -1.0,
            (
                "adverts a day in the last 7 days 2 standard deviations above the user's own average, "
                "usually 1 standard deviation below"
            ),
        ),
        (
            "song_change_7d",
            -0.5,
            0.0,
            "25 % of the songs in the last 7 days, the rest in as many days before, usually 50 %",
        ),
        (
            "hour_entropy_28d",
            2.0,
            3.0,
            "events spread as over 4 hours of the day in the last 28 days, usually 8",
        ),
        ("has_downgraded", 1.0, 0.0, "has downgraded so far, usually has not"),
        ("days_since_last_advert", 1.0, 1.0, "last advert 1 day ago, as usual"),
        ("days_since_last_advert", NAN, 1.0, "no advert so far"),
    ],
)
def test_every_form_of_value_has_its_words(name: str, value: float, usual: float, sentence: str) -> None:
    assert in_words(name, value, usual) == sentence


def test_numbers_have_two_digits_or_all_before_the_point() -> None:
    written = [number(value) for value in (0.0, -0.0, 0.0002, 0.0134, 0.5, 2.0, 2.34, 9.94, 9.96, 13.4, 1234.5, -3.21)]
    assert written == ["0", "0", "0", "0.013", "0.5", "2", "2.3", "9.9", "10", "13", "1,234", "-3.2"]


def test_multiples_are_round() -> None:
    ratios = (0.0004, 0.31, 0.5, 0.97, 1.04, 1.3, 2.02, 4.0, 25.4, 900.0)
    assert [multiple(ratio).removesuffix(" the usual") for ratio in ratios] == [
        *("1 % of", "31 % of", "half", "the usual", "the usual"),
        *("1.3 times", "twice", "4 times", "25 times", "over 100 times"),
    ]
    assert (beside(2.0, 2.05), beside(3.0, 0.0), beside(0.0, 7.4)) == ("as usual", "usually none", "usually 7.4")
    assert (percent(0.0), percent(0.08), percent(1.0)) == ("none", "8 %", "100 %")


def test_twenty_five_thousand_users_take_seconds() -> None:
    random = np.random.default_rng(1)
    many = {name: np.repeat(values, 25_000) for name, values in rows({}).items()}
    many |= {name: random.poisson(20, 25_000) + 0.5 for name in QUIET if name not in {"level", "gender"}}
    weighed = model(advert_count_7d=0.1, days_since_last_event=0.2, sessions_per_day=0.4, behaviour_2=0.9)
    start = process_time()
    said = reasons(weighed, many)
    assert {len(each) for each in said} <= {3, 4}
    assert process_time() - start < 10
