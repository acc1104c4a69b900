"""One row per user, the retrospective way and as of one date: the columns, the split and the vector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pyspark.ml.functions import array_to_vector
from pyspark.sql import functions as F

from models_ml.computed_once import computed_once
from models_ml.dataset.fitted_encoder import MAX_LEVELS
from models_ml.dataset.vectors import candidate_columns
from models_ml.errors import NoKnownSnapshot
from models_ml.tables import FEATURES, LABELS, table_state

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from numpy.typing import NDArray
    from pyspark.sql import Column, DataFrame, SparkSession

EVENTS, USERS = "staging.stg_sparkify__events", "marts.dim_users"
LABEL = "churned_in_time_bin"
TEST_ONE_IN = 5

PAGES = {
    "song_count": "NextSong",
    "thumbs_up_count": "Thumbs Up",
    "thumbs_down_count": "Thumbs Down",
    "playlist_add_count": "Add to Playlist",
    "friend_add_count": "Add Friend",
    "advert_count": "Roll Advert",
    "home_count": "Home",
    "help_count": "Help",
    "about_count": "About",
    "error_count": "Error",
    "logout_count": "Logout",
    "settings_count": "Settings",
    "settings_save_count": "Save Settings",
    "upgrade_page_count": "Upgrade",
    "upgrade_count": "Submit Upgrade",
    "downgrade_page_count": "Downgrade",
    "downgrade_count": "Submit Downgrade",
}
CANCEL_PAGES = {"cancellation_confirmation_count": "Cancellation Confirmation", "cancel_count": "Cancel"}
LEAKING_COLUMNS = (*CANCEL_PAGES, "user_number")
LIFETIME_COLUMNS = (
    *PAGES,
    *(f"{count}_per_day" for count in PAGES),
    "session_count",
    "active_day_count",
    "listening_hours",
    "paid_event_share",
    "span_days",
    "days_since_registration",
    "active_day_share",
    "gender",
)


@dataclass(frozen=True, eq=False)
class UserRows:
    """One row per user: user_id, label (0 or 1), is_test, and the named elements as an array and as `features`.

    `rows` are checkpointed on one partition in the order of user_id: a fit takes one task a step, and the same rows
    give the same fit. The arrays hold them once more: `values` is [users, elements].
    """

    rows: DataFrame
    elements: tuple[str, ...]
    is_test: NDArray[np.bool_]
    labels: NDArray[np.float64]
    values: NDArray[np.float64]


@dataclass(frozen=True)
class Snapshot:
    """The users of one snapshot with label and features, and the date and days that the label is about."""

    as_of: date
    horizon_days: int
    users: DataFrame


def whole_lives(spark: SparkSession) -> DataFrame:
    """Return one row per user of the log: user_id, label, and LEAKING_COLUMNS and LIFETIME_COLUMNS.

    Every life ends at the user's own last event, a churner's at the cancellation: no house rule allows that elsewhere.
    Days are of 24 hours; rates are per day from the first event to the last, or per day of a shorter life.

    Raises:
        MissingTable: the warehouse was not built.
    """
    events, users = (table_state(spark, name).rows for name in (EVENTS, USERS))
    pages = {**PAGES, **CANCEL_PAGES}
    # Per session and day first: distinct sessions and days of all events together take ten times as long.
    visits = events.groupBy("user_id", "session_id", "event_date").agg(
        F.min("occurred_at").alias("first_at"),
        F.max("occurred_at").alias("last_at"),
        F.sum("song_length_seconds").alias("seconds"),
        F.count_if(F.col("level") == "paid").alias("paid_events"),
        F.count("*").alias("events"),
        *(F.count_if(F.col("page") == page).alias(count) for count, page in pages.items()),
    )
    lives = visits.groupBy("user_id").agg(
        F.count_distinct("session_id").alias("session_count"),
        F.count_distinct("event_date").alias("active_day_count"),
        (F.sum("seconds") / 3600).alias("listening_hours"),
        (F.sum("paid_events") / F.sum("events")).alias("paid_event_share"),
        _days(F.min("first_at"), F.max("last_at")).alias("span_days"),
        F.max("last_at").alias("last_at"),
        *(F.sum(count).alias(count) for count in pages),
    )
    return _with_rates(lives.join(users.select("user_id", "gender", "registered_at", "is_churned"), "user_id"))


def snapshot(spark: SparkSession, feature_names: Sequence[str]) -> Snapshot:
    """Return the users of the middle one of the snapshots whose labels are all known.

    Raises:
        MissingTable, MissingFeatures: the warehouse was not built, or not with these features.
        NoKnownSnapshot: no snapshot has its horizon behind it.
    """
    features, labels = (table_state(spark, name).rows for name in (FEATURES, LABELS))
    candidates = candidate_columns(features.schema, feature_names)
    counted = labels.groupBy("as_of_date").agg(
        F.max("horizon_days").alias("horizon_days"), F.count_if(F.col(LABEL).isNull()).alias("censored")
    )
    known = counted.where("censored = 0").orderBy("as_of_date").collect()
    if not known:
        msg = f"no snapshot of {LABELS} has all its labels known: build the warehouse on a longer log"
        raise NoKnownSnapshot(msg)
    middle = known[len(known) // 2]
    is_middle = F.col("as_of_date") == F.lit(middle.as_of_date)
    labelled = labels.where(is_middle).select("user_id", F.col(LABEL).cast("double").alias("label"))
    users = features.where(is_middle).select("user_id", *candidates.names).join(labelled, "user_id")
    return Snapshot(middle.as_of_date, middle.horizon_days, users)


def user_rows(users: DataFrame, names: Sequence[str], seed: int) -> UserRows:
    """Deal the users out by a hash, one in five to the test, and make a vector of the named columns.

    A user is on the same side whatever the other rows and columns. As in the notebooks, a missing number is 0; a string
    becomes one element per level of the training users, or none where these are too many.
    """
    candidates = candidate_columns(users.schema, names)
    is_test = F.pmod(F.xxhash64("user_id", F.lit(seed)), F.lit(TEST_ONE_IN)) == 0
    split = users.withColumn("is_test", is_test)
    elements = {
        name: F.coalesce(F.nanvl(F.col(name).cast("double"), F.lit(0.0)), F.lit(0.0)) for name in candidates.numeric
    }
    elements |= _levels(split.where(~F.col("is_test")), candidates.categorical)
    values = F.array(*elements.values()).alias("elements")
    rows = split.select("user_id", "label", "is_test", values)
    rows = rows.withColumn("features", array_to_vector(F.col("elements")))
    rows = computed_once(rows.repartition(1).sortWithinPartitions("user_id"))
    collected = rows.select("is_test", "label", "elements").collect()
    in_test, labels, vectors = zip(*collected, strict=True) if collected else ((), (), ())
    return UserRows(rows, tuple(elements), np.array(in_test, bool), np.array(labels, float), np.array(vectors, float))


def _with_rates(lives: DataFrame) -> DataFrame:
    days = F.greatest("span_days", F.lit(1.0))
    return lives.withColumns(
        {
            "label": F.col("is_churned").cast("double"),
            "days_since_registration": _days(F.col("registered_at"), F.col("last_at")),
            "active_day_share": F.col("active_day_count") / days,
            "user_number": F.col("user_id").cast("double"),
            **{f"{count}_per_day": F.col(count) / days for count in PAGES},
        }
    ).select("user_id", "label", *LEAKING_COLUMNS, *LIFETIME_COLUMNS)


def _days(start: Column, end: Column) -> Column:
    return (F.unix_micros(end) - F.unix_micros(start)) / 86_400e6


def _levels(training: DataFrame, names: Sequence[str]) -> dict[str, Column]:
    if not names:
        return {}
    seen = training.agg(*(F.collect_set(name).alias(name) for name in names)).collect()[0]
    return {
        f"{name}={level}": F.col(name).eqNullSafe(level).cast("double")
        for name in names
        if len(seen[name]) <= MAX_LEVELS
        for level in sorted(seen[name])
    }
