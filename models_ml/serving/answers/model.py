"""The champion: how good it was on its test rows, which versions there were, drift, and what came true."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models_ml.evaluation.reliability import wilson_interval
from models_ml.reports.metric_texts import METRIC_TEXTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models_ml.serving.store import Row, Store

# Of drift the score's own is no input's.
SCORE = "score"


@dataclass(frozen=True)
class Metric:
    """A metric on the test rows with its 95 % interval, and that of guessing; None is not measured.

    Where it `is_share`, people read it as per cent; `digits` are those after the point.
    """

    name: str
    title: str
    meaning: str
    value: float
    low: float | None
    high: float | None
    no_skill: float | None
    is_share: bool
    digits: int


@dataclass(frozen=True)
class Version:
    """A trained version. `is_champion` scores now; `is_challenger` was trained after it and not promoted."""

    model_version: str
    algorithm: str
    calibration: str
    threshold: float
    trained_at: str
    train_from: str
    train_to: str
    train_rows: int
    train_users: int
    test_from: str
    test_to: str
    test_rows: int
    test_users: int
    test_positives: int
    promotion_reason: str
    is_champion: bool
    is_challenger: bool
    metrics: tuple[Metric, ...]

    @property
    def average_precision(self) -> Metric | None:
        """The metric by which a challenger is compared with the champion."""
        return next((metric for metric in self.metrics if metric.name == "average_precision"), None)


@dataclass(frozen=True)
class Drifted:
    """How far the values of an input, or of the score, at a snapshot are from those trained on.

    `psi` is the population stability index, `ks` the Kolmogorov-Smirnov distance; from `psi_limit` on it is told.
    """

    as_of_date: str
    model_version: str
    feature: str
    psi: float | None
    ks: float | None
    psi_limit: float | None
    train_rows: int
    scored_rows: int

    @property
    def is_beyond(self) -> bool:
        """Whether the drift is above its limit."""
        return self.psi is not None and self.psi_limit is not None and self.psi > self.psi_limit


@dataclass(frozen=True)
class CameTrue:
    """A snapshot whose outcomes are known: how many were foretold to leave, as a sum of probabilities, and did.

    `low` and `high` are the 95 % interval (Wilson) of those who would leave of so many, by those who did.
    """

    as_of_date: str
    model_version: str
    outcome_known_at: str
    user_count: int
    expected_count: float
    true_count: int
    low: float
    high: float
    called_count: int
    called_true_count: int

    @property
    def agrees(self) -> bool:
        """Whether what was foretold lies in the interval of what came true."""
        return self.low <= self.expected_count <= self.high


def versions(store: Store) -> list[Version]:
    """Return all versions of the label, the newest first."""
    if "versions" not in store.tables:
        return []
    rows = store.rows("select * from versions order by trained_at desc, model_version desc")
    champion = next((row for row in rows if row["model_version"] == store.publication.model_version), None)
    return [_version(row, champion) for row in rows]


def champion(store: Store) -> Version | None:
    """Return the version that scores; None where there is none."""
    return next((version for version in versions(store) if version.is_champion), None)


def challenger(store: Store) -> Version | None:
    """Return the newest version that was trained after the champion and not promoted; None where there is none."""
    return next((version for version in versions(store) if version.is_challenger), None)


def drift(store: Store) -> list[Drifted]:
    """Return drift at the newest snapshot that it was measured of, the largest first."""
    if "drift" not in store.tables:
        return []
    rows = store.rows(
        "select as_of_date, model_version, feature, psi, ks, psi_limit, train_rows, scored_rows from drift "
        "where as_of_date = (select max(as_of_date) from drift) order by feature <> ?, psi desc, feature",
        (SCORE,),
    )
    return [Drifted(**row) for row in rows]


def came_true(store: Store) -> list[CameTrue]:
    """Return what was foretold against what came true, by snapshot, the newest first."""
    if "outcomes" not in store.tables:
        return []
    return [_came_true(row) for row in store.rows("select * from outcomes order by as_of_date desc")]


def _version(row: Row, champion_row: Row | None) -> Version:
    # What is not a number of JSON, such as NaN, comes as a text: it is not known.
    measured = {name: value for name, value in json.loads(row["metrics"] or "{}").items() if not isinstance(value, str)}
    own = {name: row[name] for name in row if name in Version.__dataclass_fields__ and name != "metrics"}
    return Version(
        **own,
        is_champion=row is champion_row,
        is_challenger=champion_row is not None and row["trained_at"] > champion_row["trained_at"],
        metrics=_metrics(measured),
    )


def _metrics(measured: Mapping[str, float]) -> tuple[Metric, ...]:
    return tuple(
        Metric(
            name=name,
            title=text.title,
            meaning=text.meaning,
            value=measured[f"test_{name}"],
            low=measured.get(f"test_{name}_low"),
            high=measured.get(f"test_{name}_high"),
            no_skill=measured.get(f"test_{name}.no_skill"),
            is_share=text.form.endswith("%}"),
            digits=int(text.form[3]),
        )
        for name, text in METRIC_TEXTS.items()
        if measured.get(f"test_{name}") is not None
    )


def _came_true(row: Row) -> CameTrue:
    users = row["user_count"]
    low, high = wilson_interval(row["true_count"] / users, users)
    return CameTrue(**row, low=low * users, high=high * users)
