"""Train a version again from what its row remembers, and say whether the same comes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models_ml import tables
from models_ml.dataset.training_set import training_set
from models_ml.errors import ModelJobError
from models_ml.registry.model_versions import code_version, model_version_row
from models_ml.spec.training_spec import TrainingSpec
from models_ml.training.trained_models import trained_models

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyspark.sql import SparkSession


class NotReproducible(ModelJobError):
    """The row of the version does not say what was asked for."""


@dataclass(frozen=True)
class Reproduction:
    """What came out of training a version again: `differing` holds each metric that is not as it was, then and now."""

    model_version: str
    label: str
    metrics: int
    differing: Mapping[str, tuple[float | None, float | None]]
    code_then: str
    code_now: str

    @property
    def is_equal(self) -> bool:
        return not self.differing

    def __str__(self) -> str:
        same_code = (
            "the same code" if self.code_then == self.code_now else f"code {self.code_now}, then {self.code_then}"
        )
        if self.is_equal:
            return (
                f"equal: all {self.metrics} metrics of {self.model_version} ({self.label}) came out again, {same_code}"
            )
        lines = [f"  {name}: {then} then, {now} now" for name, (then, now) in sorted(self.differing.items())]
        summary = (
            f"not equal: {len(lines)} of {self.metrics} metrics of {self.model_version} ({self.label}), {same_code}"
        )
        return "\n".join([summary, *lines])


def reproduce(spark: SparkSession, model_version: str) -> Reproduction:
    """Train a version again on the snapshots of the tables that it saw, with its own settings; nothing is written.

    Equal means: all metrics, of all models compared, to the last bit.

    Raises:
        NoModelYet, UnknownModelVersion: the message lists what there is.
        NotReproducible: it was trained before versions kept what was asked for.
        SnapshotExpired: Iceberg no longer keeps a table as the version saw it.
    """
    row = model_version_row(spark, model_version)
    if row.spec is None:
        msg = f"{model_version} was trained before versions kept what was asked for: name one trained since"
        raise NotReproducible(msg)
    spec = TrainingSpec.from_json(row.spec)
    features, labels = (
        tables.table_state(spark, name, row.table_snapshot_ids[name]).rows for name in (tables.FEATURES, tables.LABELS)
    )
    dataset = training_set(features, labels, spec, row.candidate_names)
    try:
        now = trained_models(dataset, spec).metrics
    finally:
        dataset.rows.unpersist()
    then = row.metrics
    pairs = {name: (then.get(name), now.get(name)) for name in then | now}
    differing = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
    return Reproduction(model_version, row.label, len(pairs), differing, row.code_version, code_version())
