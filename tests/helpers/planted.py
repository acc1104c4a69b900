"""Planted snapshots: features and labels of which it is known what tells what."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta, timezone
from math import exp
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

USERS = 150
MONDAYS = [date(2018, 10, 1) + timedelta(days=7 * week) for week in range(8)]
CENSORED, NEWEST = MONDAYS[-2:]
HORIZON = 14
LABEL = "churned_in_time_bin"
FEATURES = """user_id string, as_of_date date, last_event_at timestamp, registered_on date, signal double,
    noise_1 double, noise_2 bigint, peek double, always_null double, is_active boolean, gender string, state string,
    constant bigint, twin double, seldom double, days_since_last_event double, session_count_lifetime bigint,
    days_observed double, free_advert_count_lifetime bigint, free_song_count_lifetime bigint"""
NAMES = [
    *("signal", "noise_1", "noise_2", "peek", "always_null", "is_active"),
    *("gender", "state", "constant", "twin", "seldom", "registered_on"),
]
# With these, feature set `hazard` is not the same as `all`.
HAZARD_NAMES = [
    *("days_since_last_event", "session_count_lifetime", "days_observed"),
    *("free_advert_count_lifetime", "free_song_count_lifetime"),
]
LABELS = """user_id string, as_of_date date, horizon_days int, churned_in_time_bin boolean,
    will_churn_in_next_bin boolean, will_churn_soon boolean, will_downgrade boolean, will_upgrade boolean,
    will_lapse boolean, next_outcome string"""
LINEAR = ("logistic_regression",)


def plant(spark: SparkSession) -> None:
    """Write features and labels of 150 users on 8 Mondays: the last two are censored, on the newest there are 5 users.

    Tables are replaced, and their snapshots with them.
    """
    rnd = random.Random(7)  # noqa: S311 - rows for a test
    snapshots = [(user, day) for day in MONDAYS for user in range(5 if day == NEWEST else USERS)]
    rows = [one_snapshot(user, day, rnd) for user, day in snapshots]
    spark.sql("create namespace if not exists marts")
    for name, index, schema in (("fct_user_features", 0, FEATURES), ("fct_churn_labels", 1, LABELS)):
        frame = spark.createDataFrame([row[index] for row in rows], schema).coalesce(1)
        frame.writeTo(f"marts.{name}").using("iceberg").create()


def plant_older_version(spark: SparkSession, label: str) -> None:
    """Add a champion to ml.model_versions of which nothing is known but its name, as of before the columns were."""
    schema = spark.table("ml.model_versions").schema
    known = {
        "model_version": "v1-older",
        "label": label,
        "algorithm": "random_forest",
        "is_chosen": True,
        "trained_at": datetime(2018, 12, 1, tzinfo=timezone.utc),
    }
    frame = spark.createDataFrame([tuple(known.get(name) for name in schema.names)], schema)
    frame.writeTo("ml.model_versions").append()


def one_snapshot(user: int, as_of: date, rnd: random.Random) -> tuple[list[Any], list[Any]]:
    """A row of features and one of labels: churn follows `signal`, lapse stands in `peek`, downgrade is pure chance."""
    signal = rnd.gauss(0, 1)
    churns = rnd.random() < 1 / (1 + exp(2.0 - 1.5 * signal))
    lapses = rnd.random() < 0.3
    known_signal = None if rnd.random() < 0.1 else signal
    seen = datetime(as_of.year, as_of.month, as_of.day, tzinfo=timezone.utc) - timedelta(hours=5)
    features = [
        f"{user:04}",
        as_of,
        seen,
        date(2018, 9, 1),
        known_signal,
        rnd.gauss(0, 1),
        rnd.randrange(50),
        float(lapses) + rnd.gauss(0, 0.1),
        None,
        rnd.random() < 0.5,
        rnd.choice(["F", "M", None]),
        rnd.choice([f"S{n}" for n in range(40)]),
        7,
        None if known_signal is None else rnd.gauss(0, 1),
        1.0 if user % 50 else None,
        *history(user, as_of, signal),
    ]
    next_bin = rnd.random() < 0.2 if as_of <= MONDAYS[1] else None
    known = as_of < CENSORED
    labels = [
        f"{user:04}",
        as_of,
        HORIZON,
        churns if known else (True if churns else None),
        next_bin,
        user in {1, 2, 3},
        rnd.random() < 0.3 if known else None,
        False,
        lapses if known else None,
        None,
    ]
    return features, labels


def history(user: int, as_of: date, signal: float) -> list[Any]:
    """Days since the last event, which tell of churn too; sessions, days; adverts, many for every third user; songs."""
    days = 1.0 + user % 30 + (as_of - MONDAYS[0]).days
    sessions = None if user % 40 == 5 else round(days * (1 + user % 7) / 10)
    songs = 40 * (sessions or 0)
    return [10 * exp(signal / 2), sessions, days, songs // (5 if user % 3 == 0 else 50), songs]
