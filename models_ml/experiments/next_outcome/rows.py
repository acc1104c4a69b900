"""The rows of the next outcome: which of its classes can be learnt, and the rows of these, folded and assembled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pyspark.sql import Window
from pyspark.sql import functions as F

from models_ml.computed_once import computed_once
from models_ml.dataset.fitted_encoder import fitted_encoder, profiled_columns
from models_ml.dataset.matrix import Matrix, collected
from models_ml.dataset.training_set import MIN_USERS, ROWS_PER_PARTITION
from models_ml.dataset.vectors import KEYS, assembly, candidate_columns, feature_sets, input_column
from models_ml.errors import OneClassOnly, TooFewUsers
from models_ml.spec.training_spec import OUTCOME

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from pyspark.sql import DataFrame

    from models_ml.dataset.time_split import TimeSplit
    from models_ml.portable.arrays import Floats

TEST = -1
# A class of fewer training users than this is left out: with so many, whichever fold is held out, the others have it.
MIN_CLASS_USERS = 10


@dataclass(frozen=True)
class OutcomeCount:
    """Rows (user and snapshot) of a class, and its training users."""

    train_rows: int
    train_users: int
    test_rows: int


@dataclass(frozen=True, eq=False)
class OutcomeRows:
    """The same rows in Spark and here: their label is the place of the class in `classes`, test rows have fold TEST."""

    frame: DataFrame
    rows: Matrix
    widths: Mapping[str, int]
    classes: tuple[str, ...]

    def held_out(self, fold: int) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Users and labels of the rows of a fold, or of the test rows, in the order of the keys."""
        rows = self.rows.where(self.rows.folds == fold)
        return rows.users, rows.labels.astype(np.int64)

    @property
    def shares(self) -> Floats:
        """The share of each class in the training rows."""
        labels = self.rows.labels[self.rows.folds != TEST].astype(np.int64)
        return np.bincount(labels, minlength=len(self.classes)) / len(labels)


def known_outcomes(labels: DataFrame, split: TimeSplit) -> DataFrame:
    """Return keys, next outcome and is_test of the snapshots of a split."""
    known = labels.where(F.col("as_of_date").isin(*split.train, *split.test))
    return known.select(*KEYS, OUTCOME, (F.col("as_of_date") >= F.lit(split.test[0])).alias("is_test"))


def learnable_classes(outcomes: DataFrame, split: TimeSplit) -> tuple[dict[str, OutcomeCount], tuple[str, ...]]:
    """Return the counts of the classes that can be learnt, and a note on each of the others."""
    counted = outcomes.groupBy(OUTCOME).agg(
        F.count_if(~F.col("is_test")).alias("train_rows"),
        F.count_distinct(F.when(~F.col("is_test"), F.col("user_id"))).alias("train_users"),
        F.count_if("is_test").alias("test_rows"),
    )
    counts = {row[0]: OutcomeCount(*row[1:]) for row in counted.orderBy(OUTCOME).collect()}
    learnt = {name: count for name, count in counts.items() if count.train_users >= MIN_CLASS_USERS}
    _check(learnt, outcomes.where(~F.col("is_test")).select("user_id").distinct().count(), split)
    notes = [
        f"{name} is left out: {count.train_users} training users, at least {MIN_CLASS_USERS} are needed; "
        f"so are its {count.test_rows} test rows"
        for name, count in counts.items()
        if name not in learnt
    ]
    return learnt, tuple(notes)


def _check(learnt: Mapping[str, OutcomeCount], users: int, split: TimeSplit) -> None:
    if users < MIN_USERS:
        msg = f"{OUTCOME}: {users} training users, at least {MIN_USERS} are needed ({split}): build on more users"
        raise TooFewUsers(msg)
    for name, existing in (
        (f"of at least {MIN_CLASS_USERS} training users", list(learnt)),
        ("in the test rows", [name for name, count in learnt.items() if count.test_rows]),
    ):
        if len(existing) < 2:  # noqa: PLR2004 - one class has nothing to be told apart from
            msg = (
                f"{OUTCOME}: classes {name}: {', '.join(existing) or 'none'}, and two are needed ({split}): "
                "build the warehouse on a longer log or more users"
            )
            raise OneClassOnly(msg)


def folded_outcomes(outcomes: DataFrame, classes: tuple[str, ...], folds: int, seed: int) -> DataFrame:
    """Number the classes, and deal the training users out to the folds in the order of a hash."""
    indices = F.create_map(*(F.lit(each) for place, name in enumerate(classes) for each in (name, float(place))))
    dealt = F.dense_rank().over(Window.partitionBy("is_test").orderBy(F.xxhash64("user_id", F.lit(seed))))
    fold = F.when(F.col("is_test"), TEST).otherwise(F.pmod(dealt, F.lit(folds)))
    return outcomes.where(F.col(OUTCOME).isin(*classes)).select(
        *KEYS, indices[F.col(OUTCOME)].alias("label"), fold.cast("int").alias("fold")
    )


def outcome_rows(
    features: DataFrame, names: Sequence[str], folded: DataFrame, classes: tuple[str, ...], seed: int
) -> OutcomeRows:
    """Join the named features and assemble them as for a binary label.

    Raises:
        MissingFeatures: the table lacks some of them.
    """
    candidates = candidate_columns(features.schema, names)
    joined = features.select(*KEYS, *candidates.names).join(folded, list(KEYS)).persist()
    try:
        row_count, training = joined.count(), joined.where(F.col("fold") != TEST)
        encoder = fitted_encoder(profiled_columns(training, row_count, candidates), candidates, seed)
        sets = feature_sets(list(encoder.elements))
        frame = assembly(encoder).transform(joined).select(*KEYS, "label", "fold", *map(input_column, sets))
        frame = frame.repartition(1 + row_count // ROWS_PER_PARTITION, "user_id").sortWithinPartitions(*KEYS)
        frame = computed_once(frame)
    finally:
        joined.unpersist()
    return OutcomeRows(frame, collected(frame), {name: len(indices) for name, indices in sets.items()}, classes)
