"""When a training could learn anything anew."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from planted import CENSORED, MONDAYS, NAMES
from pyspark.sql import functions as F

from models_ml import tables
from models_ml.registry.model_versions import catalogue_hash, code_version
from models_ml.training.due import reason_to_train
from warehouse.contract.tables import append_rows, create_or_widen, source_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyspark.sql import SparkSession

LABEL = "churned_in_time_bin"
KNOWN = [day for day in MONDAYS if day < CENSORED]
TRAIN, TEST = (KNOWN[0], KNOWN[2]), (KNOWN[-2], KNOWN[-1])


@pytest.fixture
def version(planted_marts: SparkSession) -> Iterator[Callable[..., str | None]]:
    """Why a training is due where a version with some other values is the newest."""
    create_or_widen(planted_marts, tables.MODEL_VERSIONS)

    def reason(**others: Any) -> str | None:  # noqa: ANN401 - any column
        append_rows(planted_marts, tables.MODEL_VERSIONS, [learnt(planted_marts) | others])
        return reason_to_train(planted_marts, LABEL, NAMES)

    yield reason
    planted_marts.sql(f"drop table {tables.MODEL_VERSIONS} purge")


def learnt(spark: SparkSession) -> dict[str, Any]:
    """The row of a champion that has learnt from all labels that are known."""
    row: dict[str, Any] = dict.fromkeys(source_table(tables.MODEL_VERSIONS).kinds) | {
        "model_version": "churn-1",
        "label": LABEL,
        "algorithm": "logistic_regression",
        "is_chosen": True,
        "trained_at": datetime.now(timezone.utc),
        "code_version": code_version(),
        "catalogue_hash": catalogue_hash(NAMES),
    }
    for part, (first, last) in {"train": TRAIN, "test": TEST}.items():
        rows = spark.table(tables.LABELS).where(F.col("as_of_date").between(first, last))
        row |= {f"{part}_from": first, f"{part}_to": last, f"{part}_rows": rows.count()}
        row[f"{part}_positives"] = rows.where(LABEL).count()
    return row


def test_what_has_learnt_from_all_labels_need_not_be_trained_anew(version: Callable[..., str | None]) -> None:
    assert version() is None


def test_where_there_is_no_champion_one_is_trained(
    planted_marts: SparkSession, version: Callable[..., str | None]
) -> None:
    assert reason_to_train(planted_marts, LABEL, NAMES) == "there is no champion"
    assert version(is_chosen=False) == "there is no champion"
    assert reason_to_train(planted_marts, "will_downgrade", NAMES) == "there is no champion"


def test_labels_that_became_known_are_a_reason_and_censored_ones_are_none(version: Callable[..., str | None]) -> None:
    assert version(test_to=KNOWN[-2]) == (
        f"the labels of {KNOWN[-1]} are known now, those of {KNOWN[-2]} were the newest before"
    )


@pytest.mark.parametrize("column", ["train_rows", "train_positives", "test_rows", "test_positives"])
def test_labels_that_changed_are_a_reason(version: Callable[..., str | None], column: str) -> None:
    first, last = TRAIN if column.startswith("train") else TEST
    assert version(**{column: 1}) == f"the labels from {first} to {last} are not those that churn-1 was trained of"


def test_other_columns_and_other_code_are_reasons(version: Callable[..., str | None]) -> None:
    assert version(catalogue_hash="of others") == "churn-1 was trained of other columns"
    assert version(code_version="0.0.1+0") == "churn-1 was trained by another version of the code"
