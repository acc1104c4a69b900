"""The notebooks' protocol on our tables: what each variant knows, how it is split and judged, what the text says."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from commands import drop_all_tables
from pyspark.ml.classification import RandomForestClassifier
from pyspark.ml.evaluation import MulticlassClassificationEvaluator
from sklearn.metrics import f1_score

from models_ml.errors import MissingFeatures, MissingTable, NoKnownSnapshot, TooFewUsers
from models_ml.experiments.retrospective.features import (
    LEAKING_COLUMNS,
    LIFETIME_COLUMNS,
    snapshot,
    user_rows,
    whole_lives,
)
from models_ml.experiments.retrospective.protocol import RetrospectiveReport, RetrospectiveRow, retrospective
from models_ml.experiments.retrospective.records import EVALUATIONS, record_evaluation
from models_ml.experiments.retrospective.texts import (
    AS_OF_ONE_DATE,
    LEAKING,
    NOBODY,
    WITHOUT_CANCEL,
    auc_error,
    retrospective_text,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import Row, SparkSession

START = datetime(2018, 10, 1, tzinfo=timezone.utc)
REGISTERED = START - timedelta(days=30)
MONDAYS = [date(2018, 10, 8) + timedelta(days=7 * week) for week in range(4)]
VARIANTS = (LEAKING, WITHOUT_CANCEL, AS_OF_ONE_DATE)
FEATURES = ("song_count_28d", "has_downgraded", "level")
SCHEMAS = {
    "staging.stg_sparkify__events": (
        "user_id string, session_id bigint, page string, level string, song_length_seconds double, "
        "event_date date, occurred_at timestamp"
    ),
    "marts.dim_users": "user_id string, gender string, registered_at timestamp, is_churned boolean",
    "marts.fct_user_features": (
        "user_id string, as_of_date date, song_count_28d double, has_downgraded boolean, level string"
    ),
    "marts.fct_churn_labels": "user_id string, as_of_date date, horizon_days int, churned_in_time_bin boolean",
    "ml.churn_predictions": "user_id string, churn_probability double",
}
Tables = dict[str, list[tuple[Any, ...]]]


def event(user: str, day: float, page: str = "NextSong", session: int = 1, level: str = "free") -> tuple[Any, ...]:
    at = START + timedelta(days=day)
    seconds = 360.0 if page == "NextSong" else None
    return user, session, page, level, seconds, at.date(), at


# Three days with two sessions, the first over midnight: then the Cancel flow.
BY_HAND = [
    event("7", 0.99),
    event("7", 1.01),
    event("7", 3.0, "Home", session=2, level="paid"),
    event("7", 3.5, "Cancel", session=2, level="paid"),
    event("7", 3.99, "Cancellation Confirmation", session=2, level="paid"),
]


def life(user: str, is_churner: bool, draw: random.Random) -> list[tuple[Any, ...]]:  # noqa: FBT001 - a fixture's row
    """Churners behave like the others, but leave on any day; the others are last seen in the last ten days."""
    last = draw.uniform(10, 60) if is_churner else draw.uniform(50, 60)
    pages = ["NextSong", "Thumbs Up", "Thumbs Down", "Home"]
    days = sorted(draw.uniform(0, last) for _ in range(8))
    events = [event(user, day, draw.choice(pages), session=int(day)) for day in days]
    flow = ["Cancel", "Cancellation Confirmation"] if is_churner else ["Home"]
    return events + [event(user, last, page, session=100) for page in flow]


def tables_of(users: int) -> Tables:
    """A fifth of the users churns; an eighth of each snapshot, whatever its features. The last snapshot is censored."""
    draw = random.Random(7)  # noqa: S311 - made-up users
    tables: Tables = {name: [] for name in SCHEMAS}
    for number in range(users):
        user, is_churner = f"{1000 + number}", draw.random() < 0.2
        tables["staging.stg_sparkify__events"] += life(user, is_churner, draw)
        tables["marts.dim_users"].append((user, draw.choice(["F", "M"]), REGISTERED, is_churner))
        for monday in MONDAYS:
            songs, level = draw.choice([None, 0.0, float("nan"), draw.random()]), draw.choice(["free", "paid", None])
            tables["marts.fct_user_features"].append((user, monday, songs, draw.random() < 0.5, level))
            label = None if monday == MONDAYS[-1] and number else draw.random() < 0.12
            tables["marts.fct_churn_labels"].append((user, monday, 14, label))
    tables["staging.stg_sparkify__events"] += [*BY_HAND, event("x9", 5.0), event("x9", 59.0)]
    tables["marts.dim_users"] += [("7", None, REGISTERED, True), ("x9", "F", REGISTERED, False)]
    tables["ml.churn_predictions"].append(("1000", 0.5))
    return tables


def write(spark: SparkSession, tables: Tables) -> None:
    drop_all_tables(spark)
    for name, rows in tables.items():
        spark.sql(f"create namespace if not exists {name.split('.')[0]}")
        spark.createDataFrame(rows, SCHEMAS[name]).coalesce(1).writeTo(name).using("iceberg").create()


def states(spark: SparkSession) -> dict[str, list[int]]:
    """The Iceberg snapshots of every table there is."""
    names = [
        f"{space.namespace}.{table.tableName}"
        for space in spark.sql("show namespaces").collect()
        for table in spark.sql(f"show tables in {space.namespace}").collect()
    ]
    return {name: [row.snapshot_id for row in spark.table(f"{name}.snapshots").collect()] for name in names}


@dataclass(frozen=True)
class Done:
    report: RetrospectiveReport
    before: dict[str, list[int]]
    after: dict[str, list[int]]

    def rows(self, variant: str) -> dict[str, RetrospectiveRow]:
        return {row.model: row for row in self.report.rows if row.variant == variant}


@pytest.fixture(scope="module")
def log(empty_warehouse: SparkSession) -> SparkSession:
    write(empty_warehouse, tables_of(400))
    return empty_warehouse


@pytest.fixture(scope="module")
def done(log: SparkSession) -> Done:
    before = states(log)
    report = retrospective(log, FEATURES)
    return Done(report, before, states(log))


# --- What a user's row holds ---


def lives_of(spark: SparkSession) -> dict[str, Row]:
    rows = whole_lives(spark).collect()
    by_user = {row.user_id: row for row in rows}
    assert len(by_user) == len(rows), "one row per user"
    return by_user


def test_a_users_whole_life_is_the_one_counted_by_hand(log: SparkSession) -> None:
    row = lives_of(log)["7"]
    counts = (row.song_count, row.home_count, row.cancel_count, row.cancellation_confirmation_count, row.error_count)
    assert counts == (2, 1, 1, 1, 0)
    assert (row.session_count, row.active_day_count, row.user_number, row.gender) == (2, 3, 7.0, None)
    assert row.span_days == pytest.approx(3.0)
    assert row.days_since_registration == pytest.approx(33.99)
    assert row.song_count_per_day == pytest.approx(2 / 3)
    assert row.active_day_share == pytest.approx(1.0)
    assert row.listening_hours == pytest.approx(0.2)
    assert row.paid_event_share == pytest.approx(0.6)


def test_a_user_is_a_churner_who_ever_reached_the_confirmation(log: SparkSession) -> None:
    lives = lives_of(log)
    assert len(lives) == 402
    assert {user for user, row in lives.items() if row.label == 1.0} == {
        user for user, row in lives.items() if row.cancellation_confirmation_count > 0
    }
    assert 60 < sum(row.label for row in lives.values()) < 100


def test_an_id_that_is_no_number_counts_as_0(log: SparkSession) -> None:
    lives = whole_lives(log)
    assert lives_of(log)["x9"].user_number is None
    numbers = user_rows(lives, ["user_number"], seed=42).rows.select("user_id", "elements").collect()
    assert {row.user_id: row.elements for row in numbers if len(row.user_id) < 4} == {"7": [7.0], "x9": [0.0]}


def test_the_columns_without_the_cancel_flow_hold_neither_its_pages_nor_the_id() -> None:
    assert not [name for name in LIFETIME_COLUMNS if "cancel" in name or "user" in name]
    assert set(LEAKING_COLUMNS) == {"cancel_count", "cancellation_confirmation_count", "user_number"}


def test_the_one_date_for_all_is_the_middle_one_of_those_with_all_labels_known(log: SparkSession) -> None:
    middle = snapshot(log, FEATURES)
    assert (middle.as_of, middle.horizon_days) == (MONDAYS[1], 14)
    labels = log.table("marts.fct_churn_labels").where(f"as_of_date = '{MONDAYS[1]}' and churned_in_time_bin")
    churners = {row.user_id for row in middle.users.where("label = 1").collect()}
    assert churners == {row.user_id for row in labels.collect()}
    assert middle.users.count() == 400


def test_missing_numbers_are_0_and_strings_become_their_levels(spark: SparkSession) -> None:
    schema = "user_id string, label double, songs double, is_new boolean, level string, state string"
    users: list[tuple[Any, ...]] = [(f"none {n}", 0.0, None, None, None, f"state {n}") for n in range(40)]
    users += [(f"paid {n}", 0.0, float("nan"), True, "paid", "CA") for n in range(10)]
    users += [(f"free {n}", 1.0, 2.5, False, "free", "CA") for n in range(10)]
    made = user_rows(spark.createDataFrame(users, schema), ["songs", "is_new", "level", "state"], seed=42)
    assert made.elements == ("songs", "is_new", "level=free", "level=paid")
    by_user = {row.user_id: row for row in made.rows.collect()}
    assert by_user["none 0"].elements == [0.0, 0.0, 0.0, 0.0]
    assert by_user["paid 0"].elements == [0.0, 1.0, 0.0, 1.0]
    assert by_user["free 0"].features.toArray().tolist() == [2.5, 0.0, 1.0, 0.0]


# --- The split ---


def test_users_are_dealt_out_by_their_id_alone(log: SparkSession) -> None:
    """One in five is in the test, the same ones again, whatever else the rows hold."""
    lives = whole_lives(log).localCheckpoint()

    def in_test(names: Sequence[str], where: str = "true", seed: int = 42) -> set[str]:
        rows = user_rows(lives.where(where), names, seed).rows
        assert rows.select("user_id").distinct().count() == rows.count()
        return {row.user_id for row in rows.where("is_test").collect()}

    first = in_test(["song_count"])
    assert 60 <= len(first) <= 100
    assert in_test(["home_count", "gender"]) == first
    assert in_test(["song_count"], "label = 1") < first
    assert in_test(["song_count"], seed=43) != first


# --- The numbers ---


def test_every_variant_has_three_models_the_best_column_and_nobody_churns(done: Done) -> None:
    assert [row.variant for row in done.report.rows] == [name for name in VARIANTS for _ in range(5)]
    for variant in VARIANTS:
        *models, alone, nobody = done.rows(variant)
        assert models == ["logistic_regression", "random_forest", "gradient_boosted_trees"]
        assert alone.endswith(" alone")
        assert nobody == NOBODY
        assert len({(row.users, row.churners) for row in done.rows(variant).values()}) == 1


def test_the_cancel_pages_make_every_model_perfect(done: Done) -> None:
    rows = done.rows(LEAKING)
    assert rows["cancellation_confirmation_count alone"].weighted_f1 == 1.0
    for model in ("logistic_regression", "random_forest", "gradient_boosted_trees"):
        row = rows[model]
        assert (row.weighted_f1, row.f1, row.accuracy, row.auc, row.average_precision) == (1.0,) * 5


def test_without_the_cancel_flow_none_is_perfect_but_the_last_event_still_tells(done: Done) -> None:
    rows = done.rows(WITHOUT_CANCEL)
    assert max(row.weighted_f1 for row in rows.values()) < 1.0
    assert max(row.auc for row in rows.values()) > 0.75
    assert (rows[NOBODY].users, rows[NOBODY].churners) == tuple(
        getattr(done.rows(LEAKING)[NOBODY], name) for name in ("users", "churners")
    )


def test_as_of_one_date_features_that_tell_nothing_are_worth_nothing(done: Done) -> None:
    rows = done.rows(AS_OF_ONE_DATE)
    assert all(row.auc < 0.75 for row in rows.values())
    assert all(row.weighted_f1 < rows[NOBODY].weighted_f1 + 0.05 for row in rows.values())


@pytest.mark.parametrize("variant", VARIANTS)
def test_nobody_churns_has_a_high_weighted_f1_and_finds_no_churner(done: Done, variant: str) -> None:
    row = done.rows(variant)[NOBODY]
    labels = np.repeat([1, 0], [row.churners, row.users - row.churners])
    expected = f1_score(labels, np.zeros(row.users), average="weighted", zero_division=0)
    assert row.weighted_f1 == pytest.approx(expected)
    assert row.weighted_f1 > 0.6
    assert (row.f1, row.auc) == (0.0, 0.5)
    assert row.accuracy == pytest.approx(1 - row.churners / row.users)
    assert row.average_precision == pytest.approx(row.churners / row.users)


def test_weighted_f1_is_the_f1_of_mllibs_evaluator(log: SparkSession, done: Done) -> None:
    rows = user_rows(whole_lives(log), LIFETIME_COLUMNS, seed=42).rows
    model = RandomForestClassifier(seed=42).fit(rows.where("not is_test"))
    evaluator = MulticlassClassificationEvaluator(metricName="f1")
    evaluated = evaluator.evaluate(model.transform(rows.where("is_test")))
    assert done.rows(WITHOUT_CANCEL)["random_forest"].weighted_f1 == pytest.approx(evaluated, abs=1e-12)


def test_nothing_is_written(done: Done) -> None:
    assert done.after == done.before
    assert len(done.before["ml.churn_predictions"]) == 1


# --- The text ---


def row(variant: str, model: str, weighted_f1: float, auc: float, churners: int = 40) -> RetrospectiveRow:
    return RetrospectiveRow(variant, model, 400, churners, weighted_f1, 0.25, 0.9, auc, 0.3)


def variant_rows(variant: str, best: float, auc: float, nobody: float, churners: int = 40) -> list[RetrospectiveRow]:
    return [
        row(variant, "logistic_regression", best - 0.1, 0.99, churners),
        row(variant, "random_forest", best, auc, churners),
        row(variant, "span_days alone", 0.999, 0.61, churners),
        row(variant, NOBODY, nobody, 0.5, churners),
    ]


ROWS = [
    *variant_rows(LEAKING, 1.0, 1.0, 0.7),
    *variant_rows(WITHOUT_CANCEL, 0.88, 0.91, 0.7),
    *variant_rows(AS_OF_ONE_DATE, 0.931, 0.62, 0.931, churners=20),
]


def test_the_text_says_the_numbers_of_the_report(done: Done) -> None:
    for variant in VARIANTS:
        rows = done.rows(variant)
        nobody = rows.pop(NOBODY)
        best = max(
            (found for model, found in rows.items() if not model.endswith(" alone")), key=lambda one: one.weighted_f1
        )
        assert f"weighted F1 of {nobody.weighted_f1:.3f}" in done.report.text
        assert f"{best.model} scores weighted F1 {best.weighted_f1:.3f}" in done.report.text.replace(
            ", scores", " scores"
        )
    honest = done.rows(AS_OF_ONE_DATE)[NOBODY]
    assert f"As of 2018-10-15 for all, asked who churns within 14 days, {honest.churners} of {honest.users}" in (
        done.report.text
    )


def test_the_text_takes_the_best_of_the_three_models_and_leaves_the_column_apart() -> None:
    text = retrospective_text(ROWS, MONDAYS[1], 14)
    assert "random_forest scores weighted F1 0.880, F1 of churners 0.250, AUC 0.910" in text
    assert "weighted F1 is 0.120 below that with them on the same users, and 0.180 above that of nobody churns" in text
    assert "AUC 0.620: the same as that of nobody churns." in text
    assert "weighted F1 goes from 0.880 to 0.931, that of nobody churns from 0.700 to 0.931" in text
    assert "span_days alone scores weighted F1 0.999" in text


def test_the_text_says_where_a_model_is_below_nobody_churns() -> None:
    below = [*ROWS[:8], *variant_rows(AS_OF_ONE_DATE, 0.9, 0.62, 0.931)]
    assert "0.031 below that of nobody churns." in retrospective_text(below, MONDAYS[1], 14)


@pytest.mark.parametrize(
    ("auc", "verdict"),
    [(0.62, "worse beyond chance."), (0.88, "no more than chance may explain with so few churners."), (1.0, "better")],
)
def test_the_text_calls_a_ranking_worse_or_better_only_beyond_chance(auc: float, verdict: str) -> None:
    rows = [replace(one, auc=auc) if one.variant == AS_OF_ONE_DATE else one for one in ROWS]
    assert verdict in retrospective_text(rows, MONDAYS[1], 14)


def test_the_text_says_why_the_third_question_was_not_asked() -> None:
    text = retrospective_text(ROWS[:8], MONDAYS[1], 14, "as of one date for all: 40 test users, 2 of them churners")
    assert text.endswith(
        "What is left as of 2018-10-15, asked alike for all, cannot be said: "
        "as of one date for all: 40 test users, 2 of them churners."
    )


def test_the_error_of_an_auc_is_its_spread_over_samples() -> None:
    # Of exponential scores, which the formula was derived from: with means 4 and 1 the AUC is 4 / 5.
    draws = np.random.default_rng(5)
    pairs = ((draws.exponential(4, 20)[:, np.newaxis], draws.exponential(1, 80)) for _ in range(2_000))
    areas = [(churners > others).mean() for churners, others in pairs]
    example = replace(row(LEAKING, "scores", 0.0, 0.8, churners=20), users=100)
    assert np.mean(areas) == pytest.approx(0.8, abs=0.01)
    assert auc_error(example) == pytest.approx(np.std(areas), rel=0.08)


# --- What is kept ---


def test_every_row_of_an_evaluation_is_kept_and_that_of_one_date_with_it(log: SparkSession, done: Done) -> None:
    log.sql(f"drop table if exists {EVALUATIONS} purge")
    record_evaluation(log, done.report, "first")
    record_evaluation(log, done.report, "second")
    kept = log.table(EVALUATIONS).where("run_id = 'second'").collect()
    assert log.table(EVALUATIONS).count() == 2 * len(kept) == 2 * len(done.report.rows)
    assert {(row.variant, row.as_of_date) for row in kept} == {
        (LEAKING, None),
        (WITHOUT_CANCEL, None),
        (AS_OF_ONE_DATE, done.report.as_of),
    }
    by_name = {(row.variant, row.model): row for row in kept}
    for one in done.report.rows:
        row = by_name[one.variant, one.model]
        assert (row.user_count, row.churner_count) == (one.users, one.churners)
        assert (row.auc, row.average_precision, row.accuracy) == (one.auc, one.average_precision, one.accuracy)
        assert (row.weighted_f1, row.f1) == (one.weighted_f1, one.f1)


# --- What can be missing: each test writes tables of its own ---


def test_a_feature_that_the_table_lacks_is_named(log: SparkSession) -> None:
    with pytest.raises(MissingFeatures, match=r"lacks no_such_feature: run `sparkhouse build`"):
        retrospective(log, ["song_count_28d", "no_such_feature"])


@pytest.mark.parametrize("missing", [name for name in SCHEMAS if not name.startswith("ml.")])
def test_a_table_that_is_missing_is_named(spark: SparkSession, missing: str) -> None:
    write(spark, {name: rows for name, rows in tables_of(2).items() if name != missing})
    with pytest.raises(MissingTable, match=rf"table {missing} is missing: run `sparkhouse build` first"):
        retrospective(spark, FEATURES)


def test_too_few_users_are_told_by_variant_and_part(spark: SparkSession) -> None:
    write(spark, tables_of(60))
    message = (
        r"with the leaking columns: \d+ test users, \d+ of them churners; at least 30 users, 5 churners and 5 others"
    )
    with pytest.raises(TooFewUsers, match=message):
        retrospective(spark, FEATURES)


def test_where_too_few_churn_within_the_horizon_the_first_two_variants_are_judged(spark: SparkSession) -> None:
    tables = tables_of(250)
    labels = tables["marts.fct_churn_labels"]
    tables["marts.fct_churn_labels"] = [(*row[:3], row[3] and int(row[0]) < 1020) for row in labels]
    write(spark, tables)
    report = retrospective(spark, FEATURES)
    assert {row.variant for row in report.rows} == {LEAKING, WITHOUT_CANCEL}
    assert "cannot be said: as of one date for all: " in report.text
    assert report.text.endswith("5 churners and 5 others are needed: build the warehouse on more users.")


def test_a_log_too_short_for_known_labels_is_refused(spark: SparkSession) -> None:
    tables = tables_of(3)
    tables["marts.fct_churn_labels"] = [(*row[:3], None) for row in tables["marts.fct_churn_labels"]]
    write(spark, tables)
    with pytest.raises(NoKnownSnapshot, match=r"build the warehouse on a longer log"):
        retrospective(spark, FEATURES)
