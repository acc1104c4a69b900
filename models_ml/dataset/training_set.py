"""The training set: features joined to known labels, split by time, folded by user."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyspark.sql import Window
from pyspark.sql import functions as F

from models_ml.dataset.fitted_encoder import fitted_encoder, profiled_columns
from models_ml.dataset.time_split import TimeSplit, split_by_time
from models_ml.dataset.vectors import KEYS, candidate_columns
from models_ml.errors import OneClassOnly, TooFewUsers
from warehouse.contract.labels import label_named

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from pyspark.sql import Column, DataFrame, Row

    from models_ml.portable.encoder import Encoder
    from models_ml.portable.rate import Columns
    from models_ml.spec.training_spec import TrainingSpec

MIN_USERS = 30
MIN_POSITIVE_USERS_PER_FOLD = 2
ROWS_PER_PARTITION = 50_000


@dataclass(frozen=True)
class Counts:
    """How much a model saw: rows are (user, snapshot), positives are rows."""

    rows: int
    users: int
    positives: int


@dataclass(frozen=True)
class TrainingSet:
    """One row per user and snapshot of the split: keys, features, label and fold; cached until released.

    Training rows have fold 0 to folds - 1, all rows of a user the same; test rows have fold = folds. `profile` holds
    the columns of the training rows (or of a share of very many).
    """

    rows: DataFrame
    encoder: Encoder
    profile: Columns
    left_out: tuple[str, ...]
    split: TimeSplit
    horizon_days: int
    train: Counts
    test: Counts

    @property
    def partitions(self) -> int:
        """Few: a fit on one partition takes one task a step, and the step costs more than the task."""
        return 1 + (self.train.rows + self.test.rows) // ROWS_PER_PARTITION


def training_set(features: DataFrame, labels: DataFrame, spec: TrainingSpec, names: Sequence[str]) -> TrainingSet:
    """Join, split and fold the named features; the rows come back cached.

    Raises:
        MissingFeatures: the table lacks some of them.
        TooFewSnapshots, TooFewUsers, OneClassOnly: the known labels do not carry a model.
    """
    candidates = candidate_columns(features.schema, names)
    known, horizon_days = known_snapshots(labels, spec.label)
    split = split_by_time(
        known, horizon_days * label_named(spec.label).horizons_ahead, spec.test_snapshots, spec.test_from
    )
    folded = _folded(_known(labels, spec.label, split), split, spec)
    rows = features.select(*KEYS, *candidates.names).join(folded, list(KEYS)).persist()
    try:
        counted = rows.groupBy("fold").agg(*_counted()).orderBy("fold").collect()
        folds = [row for row in counted if row.fold < spec.folds]
        tests = [row for row in counted if row.fold == spec.folds]
        train, test = _counts(folds), _counts(tests)
        _check(spec, split, folds, train, test)
        profile = profiled_columns(rows.where(F.col("fold") < spec.folds), train.rows, candidates)
        encoder = fitted_encoder(profile, candidates, spec.seed)
    except BaseException:
        rows.unpersist()
        raise
    left_out = tuple(sorted(set(names) - set(encoder.columns)))
    return TrainingSet(rows, encoder, profile, left_out, split, horizon_days, train, test)


def known_snapshots(labels: DataFrame, label: str) -> tuple[list[date], int]:
    """Return the snapshots without a censored row, and the horizon.

    On a censored snapshot only the outcomes already seen are known: training on these would learn from one class.
    """
    counts = labels.groupBy("as_of_date").agg(
        F.count(label).alias("known"), F.count("*").alias("total"), F.max("horizon_days").alias("horizon_days")
    )
    snapshots = counts.collect()
    known = [row.as_of_date for row in snapshots if row.known == row.total]
    return known, max((row.horizon_days for row in snapshots), default=0)


def _known(labels: DataFrame, label: str, split: TimeSplit) -> DataFrame:
    known = labels.where(F.col("as_of_date").isin(*split.train, *split.test) & F.col(label).isNotNull())
    return known.select(*KEYS, F.col(label).cast("double").alias("label"))


def _folded(rows: DataFrame, split: TimeSplit, spec: TrainingSpec) -> DataFrame:
    """Deal the training users out to the folds in the order of a hash, those with the outcome apart from the others.

    On keys and label alone: windows over some hundred features cost seconds.
    """
    is_test = F.col("as_of_date") >= F.lit(split.test[0])
    user = Window.partitionBy("is_test", "user_id")
    dealt = Window.partitionBy("is_test", "ever_positive").orderBy(F.xxhash64("user_id", F.lit(spec.seed)))
    fold = F.when(F.col("is_test"), spec.folds).otherwise(F.pmod(F.dense_rank().over(dealt), F.lit(spec.folds)))
    folded = rows.withColumn("is_test", is_test).withColumn("ever_positive", F.max("label").over(user))
    first = F.row_number().over(user.orderBy("as_of_date")) == 1
    return folded.withColumn("fold", fold.cast("int")).withColumn("is_users_first", first).drop("is_test")


def _counted() -> list[Column]:
    """A user is in one fold, so users add up."""
    return [
        F.count("*").alias("n_rows"),
        F.count_if("is_users_first").alias("n_users"),
        F.count_if(F.col("is_users_first") & (F.col("ever_positive") == 1.0)).alias("n_positive_users"),
        F.sum("label").cast("long").alias("n_positives"),
    ]


def _counts(profile: list[Row]) -> Counts:
    return Counts(
        sum(row.n_rows for row in profile), sum(row.n_users for row in profile), sum(row.n_positives for row in profile)
    )


def _check(spec: TrainingSpec, split: TimeSplit, folds: list[Row], train: Counts, test: Counts) -> None:
    for name, counts in (("training", train), ("test", test)):
        if counts.positives in {0, counts.rows}:
            msg = (
                f"label {spec.label}: {counts.positives} of {counts.rows} {name} rows have the outcome, and "
                f"a model needs both ({split}): build the warehouse on a longer log or more users"
            )
            raise OneClassOnly(msg)
    fewest = min(row.n_positive_users for row in folds)
    if train.users < MIN_USERS or len(folds) < spec.folds or fewest < MIN_POSITIVE_USERS_PER_FOLD:
        positive_users = sum(row.n_positive_users for row in folds)
        msg = (
            f"label {spec.label}: {train.users} training users, {positive_users} of them with the outcome; at "
            f"least {MIN_USERS} and {MIN_POSITIVE_USERS_PER_FOLD * spec.folds} are needed ({split}): "
            "build the warehouse on more users"
        )
        raise TooFewUsers(msg)
