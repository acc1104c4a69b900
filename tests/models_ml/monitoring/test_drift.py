"""Drift: how far scored rows have moved from training rows, how it is kept, and when the gate minds."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from math import log
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.stats import ks_2samp  # type: ignore[import-untyped]

from expectations.gate import validate
from expectations.limits import load
from expectations.measures.rates import psi_limit
from models_ml.errors import MissingFeatures
from models_ml.monitoring.drift import Drift, NoRows, NumericProfile, TrainingProfile, population_stability
from models_ml.monitoring.tables import FEATURE_DRIFT, record_drift
from models_ml.registry.model_versions import retire_champions
from models_ml.tables import MODEL_VERSIONS
from warehouse.contract.tables import create_or_widen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from pyspark.sql import SparkSession

    from expectations.limits import Limits

    Numbers = NDArray[np.float64]

LABEL, VERSION = "churned_in_time_bin", "1-a"
MONDAY, NEXT_MONDAY = date(2018, 11, 5), date(2018, 11, 12)
SIZES = (60, 5_000)
STOPPING = load().with_drift("stop", "a test")
PSI = load()["drift.inputs"].limits


def numbers(*values: float | None) -> Numbers:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def strings(*values: str | None) -> NDArray[np.object_]:
    return np.array(values, dtype=object)


def only(train: NDArray[Any], scored: NDArray[Any]) -> Drift:
    (found,) = TrainingProfile.of({"feature": train}).drift({"feature": scored})
    return found


def alarms(found: Drift) -> bool:
    return found.psi > psi_limit(PSI["psi"], PSI["chance"], found.bins, found.train_rows, found.scored_rows)


def normal(rows: int, seed: int, mean: float = 0.0) -> Numbers:
    return np.random.default_rng(seed).normal(mean, size=rows)


# The population stability index


def test_the_index_of_two_bins_is_that_computed_by_hand() -> None:
    # Half a row in ten is 0.05 a bin: the shares are 0.55 and 0.55, 0.85 and 0.25, of 1.1.
    by_hand = (0.85 - 0.55) / 1.1 * log(0.85 / 0.55) + (0.25 - 0.55) / 1.1 * log(0.25 / 0.55)
    assert population_stability(np.array([5, 5]), np.array([8, 2])) == pytest.approx(by_hand)
    assert population_stability(np.array([500, 500]), np.array([8, 2])) == pytest.approx(by_hand)


def test_the_index_of_equal_shares_is_zero_and_of_disjoint_samples_finite() -> None:
    assert population_stability(np.array([30, 70]), np.array([3, 7])) == pytest.approx(0)
    assert population_stability(np.array([100, 0]), np.array([0, 100])) == pytest.approx(2 * 1 / 1.01 * log(201))


def test_the_index_of_a_column_counts_deciles_of_the_training_values_and_nulls() -> None:
    found = only(numbers(*range(1, 101)), numbers(*[5] * 10, *[95.5] * 5, 200, *[None] * 4))
    # The scored rows are in the first decile, in the last (which has what lies beyond), and in the bin of the NULLs.
    train, scored = [10] * 10 + [0], [10, 0, 0, 0, 0, 0, 0, 0, 0, 6, 4]
    assert found.psi == pytest.approx(population_stability(np.array(train), np.array(scored)))
    assert (found.kind, found.bins) == ("numeric", 11)
    assert (found.train_rows, found.scored_rows) == (100, 20)
    assert (found.train_missing_share, found.scored_missing_share) == (0, 0.2)


@pytest.mark.parametrize(
    ("values", "counts"),
    [
        ([0] * 95 + [1] * 5, (95, 5, 0)),
        ([0] * 5 + [1] * 95, (5, 95, 0)),
        ([0] * 70 + [1] * 30, (70, 30, 0)),
        ([0.1, 0.2, 0.3, 0.4, 0.5] + [1] * 95, (5, 95, 0)),
        ([0] * 50 + list(range(1, 51)), (50, 10, 10, 10, 10, 10, 0)),
        ([7] * 10, (10, 0)),
        ([None] * 10, (0, 10)),
    ],
)
def test_deciles_that_are_equal_are_one_bin_of_that_value(values: list[float | None], counts: tuple[int, ...]) -> None:
    assert NumericProfile.of(numbers(*values)).counts == counts


def test_there_are_never_more_than_ten_bins_besides_that_of_the_nulls() -> None:
    rng = np.random.default_rng(5)
    for values in (rng.normal(size=997), rng.poisson(0.4, size=997), rng.poisson(30, size=997), rng.integers(0, 2, 11)):
        counts = NumericProfile.of(values.astype(np.float64)).counts
        assert len(counts) <= 11
        assert min(counts[:-1]) > 0
        assert sum(counts) == len(values)


def test_the_index_of_a_string_counts_its_levels_the_unseen_and_the_nulls() -> None:
    found = only(strings("F", "F", "M", None), strings("F", "M", "X", "Y"))
    assert found.psi == pytest.approx(population_stability(np.array([2, 1, 0, 1]), np.array([1, 1, 2, 0])))
    assert (found.kind, found.ks, found.bins) == ("categorical", None, 4)
    assert (found.train_missing_share, found.scored_missing_share) == (0.25, 0)


def test_of_many_levels_the_rare_ones_share_a_bin() -> None:
    often = [f"often {level}" for level in range(10) for _ in range(2)]
    found = only(strings(*often, "rare", "rarer"), strings(*often, "new", "newer"))
    assert found.psi == pytest.approx(0)
    assert found.bins == 11


# The Kolmogorov-Smirnov distance


def test_the_distance_of_small_samples_is_that_computed_by_hand() -> None:
    # At 2, all of four training values are counted but the half of two scored ones; NULLs are left out.
    assert only(numbers(1, 1, 2, 2), numbers(2, 3, None)).ks == pytest.approx(0.5)
    assert only(numbers(1, 2), numbers(3, 4)).ks == pytest.approx(1)


@pytest.mark.parametrize("scored_rows", SIZES)
@pytest.mark.parametrize("train_rows", [60, 1_439])
def test_the_distance_is_that_of_scipy_to_a_hundredth(train_rows: int, scored_rows: int) -> None:
    for train, scored in (
        (normal(train_rows, 1), normal(scored_rows, 2)),
        (normal(train_rows, 1), normal(scored_rows, 2, mean=0.7)),
        (normal(train_rows, 1).round(), normal(scored_rows, 2, mean=-0.3).round()),
        (np.maximum(0, normal(train_rows, 1)), np.maximum(0, normal(scored_rows, 2, mean=0.5))),
    ):
        assert only(train, scored).ks == pytest.approx(ks_2samp(train, scored).statistic, abs=0.01)


def test_without_values_there_is_no_distance() -> None:
    assert only(numbers(None, None), numbers(1, 2)).ks is None
    assert only(numbers(1, 2), numbers(None, None)).ks is None


# What alarms


@pytest.mark.parametrize("scored_rows", SIZES)
def test_equal_samples_have_the_index_to_be_expected_by_chance_and_do_not_alarm(scored_rows: int) -> None:
    train = {f"feature {number}": normal(5_000, number) for number in range(200)}
    scored = {name: normal(scored_rows, 1_000 + number) for number, name in enumerate(train)}
    found = TrainingProfile.of(train).drift(scored)
    expected = 9 * (1 / 5_000 + 1 / scored_rows)
    assert np.mean([each.psi for each in found]) == pytest.approx(expected, rel=0.15)
    assert not [each for each in found if alarms(each)]


@pytest.mark.parametrize("scored_rows", SIZES)
def test_a_shifted_feature_alarms(scored_rows: int) -> None:
    assert alarms(only(normal(5_000, 1), normal(scored_rows, 2, mean=1)))


@pytest.mark.parametrize("scored_rows", SIZES)
def test_values_that_go_missing_alarm(scored_rows: int) -> None:
    scored = normal(scored_rows, 2)
    scored[::2] = np.nan
    found = only(normal(5_000, 1), scored)
    assert (found.train_missing_share, found.scored_missing_share) == (0, 0.5)
    assert alarms(found)


@pytest.mark.parametrize("scored_rows", SIZES)
def test_a_new_category_alarms(scored_rows: int) -> None:
    found = only(strings(*["free", "paid"] * 2_500), strings(*["free", "paid", "trial"] * (scored_rows // 3)))
    assert alarms(found)


def test_one_user_of_a_new_category_does_not_alarm() -> None:
    assert not alarms(only(strings(*["free", "paid"] * 2_500), strings(*["free", "paid"] * 29, "trial", "free")))


def test_the_limit_is_that_of_much_change_and_what_chance_adds_to_a_small_sample() -> None:
    assert psi_limit(PSI["psi"], PSI["chance"], 10, 1_000_000, 1_000_000) == pytest.approx(0.25, abs=0.001)
    # One in a thousand chi-squares of nine degrees of freedom is above 27.88.
    assert psi_limit(PSI["psi"], PSI["chance"], 10, 5_000, 60) == pytest.approx(
        0.25 + 27.88 * (1 / 5_000 + 1 / 60), abs=0.001
    )


# The profile


TRAIN = {
    "songs": numbers(*range(100), None),
    "level": strings(*["free", "paid"] * 50, None),
    "never": numbers(*[None] * 101),
    "score": numbers(*(row / 101 for row in range(101))),
}
SCORED = {
    "songs": numbers(10, 20, 30, None),
    "level": strings("free", "free", "trial", None),
    "never": numbers(1, None, None, None),
    "score": numbers(0.1, 0.2, 0.9, 0.95),
}


def test_a_profile_read_from_its_json_is_the_same() -> None:
    profile = TrainingProfile.of(TRAIN, used=["songs"])
    read = TrainingProfile.from_json(profile.to_json())
    assert read == profile
    assert read.drift(SCORED) == profile.drift(SCORED)


def test_the_drift_of_a_profile_is_the_drift_from_the_rows_in_their_order() -> None:
    found = TrainingProfile.of(TRAIN).drift(SCORED | {"another": numbers(1, 2, 3, 4)})
    assert found == TrainingProfile.of(TRAIN).drift(SCORED)
    assert [each.feature for each in found] == ["songs", "level", "never", "score"]
    assert all(each.is_used for each in found)


def test_the_score_and_the_features_that_the_model_reads_are_used() -> None:
    found = TrainingProfile.of(TRAIN, used=["songs", "no_such_column"]).drift(SCORED)
    assert {each.feature for each in found if each.is_used} == {"songs", "score"}


def test_a_column_that_the_scored_rows_lack_is_named() -> None:
    with pytest.raises(MissingFeatures, match="the scored rows lack level, never: run `sparkhouse build`"):
        TrainingProfile.of(TRAIN).drift({name: SCORED[name] for name in ("songs", "score")})


@pytest.mark.parametrize(("train", "scored", "what"), [([], [1.0], "training"), ([1.0], [], "scored")])
def test_nothing_is_compared_with_no_rows(train: list[float], scored: list[float], what: str) -> None:
    with pytest.raises(NoRows, match=f"there are no {what} rows"):
        only(numbers(*train), numbers(*scored))


def test_200_features_of_5000_rows_take_well_under_a_second() -> None:
    train, scored = ({f"{number}": normal(5_000, number + seed) for number in range(200)} for seed in (0, 500))
    started = perf_counter()
    TrainingProfile.of(train).drift(scored)
    assert perf_counter() - started < 0.7


# The table


@pytest.fixture
def warehouse(empty_warehouse: SparkSession) -> SparkSession:
    for table in (FEATURE_DRIFT, MODEL_VERSIONS, "monitoring.validation_results"):
        empty_warehouse.sql(f"drop table if exists {table} purge")
    return empty_warehouse


def kept(spark: SparkSession) -> set[str]:
    return {str(row) for row in spark.table(FEATURE_DRIFT).drop("measured_at").collect()}


def test_what_was_measured_is_kept_as_it_is(warehouse: SparkSession) -> None:
    found = TrainingProfile.of(TRAIN, used=["songs"]).drift(SCORED)
    record_drift(warehouse, LABEL, VERSION, MONDAY, found)
    rows = {row.feature: row for row in warehouse.table(FEATURE_DRIFT).collect()}
    assert set(rows) == set(TRAIN)
    for each in found:
        row = rows[each.feature]
        assert (row.label, row.model_version, row.as_of_date) == (LABEL, VERSION, MONDAY)
        assert {name: row[name] for name in vars(each)} == vars(each) | {"distribution": list(each.distribution)}
    assert rows["level"].ks is None
    assert rows["songs"].ks is not None


def test_measuring_again_replaces_the_rows_of_that_snapshot_and_model_only(warehouse: SparkSession) -> None:
    found = TrainingProfile.of(TRAIN).drift(SCORED)
    for label, version, day in (
        (LABEL, VERSION, MONDAY),
        (LABEL, VERSION, NEXT_MONDAY),
        (LABEL, "2-b", MONDAY),
        ("will_lapse", VERSION, MONDAY),
    ):
        record_drift(warehouse, label, version, day, found)
    before = kept(warehouse)
    record_drift(warehouse, LABEL, VERSION, MONDAY, found)
    assert kept(warehouse) == before
    assert warehouse.table(FEATURE_DRIFT).count() == 4 * len(found)
    record_drift(warehouse, LABEL, VERSION, MONDAY, found[:1])
    assert warehouse.table(FEATURE_DRIFT).count() == 3 * len(found) + 1


def test_the_table_is_written_for_all_to_see_while_a_run_is_on_its_branch(warehouse: SparkSession) -> None:
    warehouse.conf.set("spark.wap.branch", "a_run")
    try:
        record_drift(warehouse, LABEL, VERSION, MONDAY, TrainingProfile.of(TRAIN).drift(SCORED))
    finally:
        warehouse.conf.unset("spark.wap.branch")
    assert warehouse.table(FEATURE_DRIFT).count() == len(TRAIN)


# The gate


def measured(
    spark: SparkSession, shifts: Mapping[str, float], day: date = MONDAY, used: Sequence[str] = ("songs", "ads")
) -> None:
    """A measured snapshot: songs, ads, tenure and score, some of them shifted."""
    names = ("songs", "ads", "tenure", "score")
    train = {name: normal(2_000, seed) for seed, name in enumerate(names)}
    scored = {name: normal(500, seed + 50, mean=shifts.get(name, 0)) for seed, name in enumerate(names)}
    record_drift(spark, LABEL, VERSION, day, TrainingProfile.of(train, used).drift(scored))


def results(spark: SparkSession) -> dict[str, bool]:
    rows = spark.table("monitoring.validation_results").where("suite = 'drift'").collect()
    assert {row.table_name for row in rows} <= {FEATURE_DRIFT}
    return {row.rule: row.success for row in rows}


def champion(spark: SparkSession, version: str, label: str = LABEL, **changes: Any) -> None:  # noqa: ANN401
    """A champion that was tested on a snapshot of so long ago that newer outcomes are known."""
    create_or_widen(spark, MODEL_VERSIONS)
    row: dict[str, Any] = {"model_version": version, "label": label, "algorithm": "linear_svm", "is_chosen": True}
    row |= {"test_to": date(2018, 10, 8), "horizon_days": 14, "trained_at": datetime.now(timezone.utc)}
    schema = spark.table(MODEL_VERSIONS).schema
    spark.createDataFrame([tuple((row | changes).get(name) for name in schema.names)], schema).writeTo(
        MODEL_VERSIONS
    ).append()


def test_a_suite_of_what_was_not_measured_yet_is_left_out(warehouse: SparkSession, tmp_path: Path) -> None:
    report = validate(warehouse, ["drift"], tmp_path, "nothing", ())
    assert report.passed
    assert report.results == ()
    champion(warehouse, VERSION)
    measured(warehouse, {})
    warehouse.sql(f"delete from {FEATURE_DRIFT}")
    assert validate(warehouse, ["drift"], tmp_path, "empty", ()).results == ()
    assert results(warehouse) == {}


@pytest.mark.parametrize("limits", [None, STOPPING], ids=["warn", "stop"])
def test_a_snapshot_like_the_training_rows_passes_by_its_score_and_its_inputs(
    warehouse: SparkSession, tmp_path: Path, limits: Limits | None
) -> None:
    champion(warehouse, VERSION)
    measured(warehouse, {})
    report = validate(warehouse, ["drift"], tmp_path, "like", (), limits=limits)
    assert report.passed
    assert [(result.rule, result.column_name) for result in report.results] == [
        ("drift.score", LABEL),
        ("drift.inputs", LABEL),
    ]
    assert report.results[1].observed_value == "0 of 2 inputs have moved"


@pytest.mark.parametrize(("moved", "rule"), [("score", "drift.score"), ("songs", "drift.inputs")])
def test_drift_stops_the_gate_where_it_is_told_to(
    warehouse: SparkSession, tmp_path: Path, moved: str, rule: str
) -> None:
    champion(warehouse, VERSION)
    measured(warehouse, {moved: 1})
    (failure,) = validate(warehouse, ["drift"], tmp_path, "stop", (), limits=STOPPING).failures
    assert (failure.column_name, failure.rule) == (LABEL, rule)
    (example,) = failure.examples
    assert re.match(rf"{moved} PSI=(0\.[5-9]|1\.)\d* limit=0\.\d+ KS=0\.\d\d", example)
    assert failure.message.endswith(f"sparkhouse train --label {LABEL}")


def test_else_drift_is_one_line_that_stops_nothing(warehouse: SparkSession, tmp_path: Path) -> None:
    champion(warehouse, VERSION)
    measured(warehouse, {"songs": 1, "ads": 1})
    report = validate(warehouse, ["drift"], tmp_path, "warn", ())
    assert report.passed
    (warning,) = report.warnings
    assert re.match(
        rf"{FEATURE_DRIFT}\.{LABEL}: 2 of 2 inputs have moved since training: \w+, \w+ \(drift\.inputs\)\. "
        r'sparkhouse sql "select feature, psi from',
        warning.brief,
    )
    assert results(warehouse) == {"drift.score": True, "drift.inputs": False}
    page = next((tmp_path / "validations").rglob("drift/**/*.html")).read_text()
    assert "2 of 2 inputs have moved since training" in page


def test_a_version_that_knows_all_outcomes_raises_no_alarm(warehouse: SparkSession, tmp_path: Path) -> None:
    champion(warehouse, VERSION, test_to=MONDAY - timedelta(days=14))
    measured(warehouse, {"songs": 1})
    report = validate(warehouse, ["drift"], tmp_path, "newest", (), limits=STOPPING)
    assert report.passed
    assert report.results[1].observed_value == (
        "1 of 2 inputs have moved since training: songs, and the version knows all outcomes that there are"
    )


def test_a_feature_that_the_model_does_not_read_may_move(warehouse: SparkSession, tmp_path: Path) -> None:
    champion(warehouse, VERSION)
    measured(warehouse, {"tenure": 3})
    assert validate(warehouse, ["drift"], tmp_path, "unused", (), limits=STOPPING).passed
    assert warehouse.table(FEATURE_DRIFT).where("feature = 'tenure' and psi > 1").count() == 1


def test_only_the_newest_snapshot_of_a_label_is_judged_and_by_its_champion(
    warehouse: SparkSession, tmp_path: Path
) -> None:
    champion(warehouse, VERSION)
    measured(warehouse, {}, NEXT_MONDAY)
    measured(warehouse, {"score": 1}, MONDAY)
    moved = TrainingProfile.of({"score": normal(99, 1)}).drift({"score": normal(99, 2, 9)})
    record_drift(warehouse, LABEL, "2-b", NEXT_MONDAY, moved)
    assert validate(warehouse, ["drift"], tmp_path, "older", (), limits=STOPPING).passed
    champion(warehouse, "2-b")
    assert [each.rule for each in validate(warehouse, ["drift"], tmp_path, "last", (), limits=STOPPING).failures] == [
        "drift.score"
    ]
    retire_champions(warehouse)
    assert validate(warehouse, ["drift"], tmp_path, "retired", (), limits=STOPPING).results == ()


def test_each_label_is_judged_by_itself(warehouse: SparkSession, tmp_path: Path) -> None:
    champion(warehouse, VERSION)
    champion(warehouse, "7-c", "will_lapse")
    measured(warehouse, {}, NEXT_MONDAY)
    moved = TrainingProfile.of({"score": normal(99, 1)}).drift({"score": normal(99, 2, 9)})
    record_drift(warehouse, "will_lapse", "7-c", MONDAY, moved)
    (failure,) = validate(warehouse, ["drift"], tmp_path, "labels", (), limits=STOPPING).failures
    assert (failure.rule, failure.column_name) == ("drift.score", "will_lapse")
