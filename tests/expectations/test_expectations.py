"""The gate: a good little warehouse passes, a broken one is named, an error is neither."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import run
from typing import TYPE_CHECKING

import pytest

from expectations.engine.checkpoint import show_accepted
from expectations.gate import validate
from expectations.limits import load
from expectations.report import BrokenNullRule, CatalogueMismatch, MissingTable, UnknownSuite
from warehouse.contract.tables import BRANCH_OF_SESSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pyspark.sql import SparkSession

    from expectations.report import ValidationReport

LAYERS = ("raw", "staging", "features", "labels", "leaks", "predictions")
NAME = "Annabella"
# 600 events of 300 users, one every 2.4 hours from 2018-10-01; four in five are songs, one in twenty is of nobody.
TABLES = {
    "raw.events": f"""
        select id as line_number, sha2(string(id), 256) as record_hash, 1538352000000 + id * 8640000 as ts,
            if(id % 20 = 0, '', string(id % 300)) as user_id, if(id % 20 = 0, 'Logged Out', 'Logged In') as auth,
            if(id % 5 = 0, 'Home', 'NextSong') as page, if(id % 5 = 0, null, 250D) as length, '{NAME}' as first_name,
            'log.json' as source_file, timestamp '2018-12-01' as ingested_at,
            if(id % 20 = 0, null, 1535760000000) as registration
        from range(600)""",
    "raw.ingested_files": """
        select 'c1' as checksum, 630 as line_count, 600 as accepted_count, 30 as rejected_count,
            timestamp '2018-12-01' as ingested_at""",
    "staging.stg_sparkify__events": """
        select record_hash as event_id, user_id, line_number as session_id, 0 as item_in_session, page,
            200 as http_status, 'free' as level, 'Windows' as device_family,
            length as song_length_seconds, if(page = 'NextSong', 'Björk', null) as artist,
            if(page = 'NextSong', 'Hunter', null) as song, 'F' as gender, 'TX' as state,
            date(timestamp_millis(ts)) as event_date, timestamp_millis(ts) as occurred_at,
            timestamp '2018-09-01' as registered_at
        from raw.events where auth = 'Logged In'""",
    "marts.fct_user_features": """
        select string(id) as user_id, as_of_date, 'F' as gender, id as event_count_28d, id / 300 as paid_share_28d,
            if(id % 2 = 0, null, 3.5D) as songs_per_session_28d, -2D as days_since_registration,
            cast(null as double) as lift, id % 7 = 0 as has_friends, if(id % 3 = 0, null, 'Opera') as browser
        from range(300) cross join values (date '2018-11-19'), (date '2018-11-26') as dates (as_of_date)""",
    "marts.fct_churn_labels": """
        select user_id, as_of_date, 5 as horizon_days, int(user_id) % 10 = 0 as churned_in_time_bin,
            cast(null as boolean) as will_churn_in_next_bin, int(user_id) % 5 = 0 as will_churn_soon,
            false as will_downgrade, false as will_upgrade, false as will_lapse
        from marts.fct_user_features""",
    "ml.churn_predictions": """
        select user_id, as_of_date, 'churned_in_time_bin' as label, 'v1' as model_version,
            int(user_id) / 300 as churn_probability, 10 - int(user_id) div 30 as risk_decile,
            timestamp '2018-11-26 01:00:00' as scored_at
        from marts.fct_user_features where as_of_date = date '2018-11-26'""",
}

RAW, FILES, STAGING, FEATURES, LABELS, PREDICTIONS = TABLES
AUC = "monitoring.feature_label_auc"


@dataclass(frozen=True)
class Entry:
    """An entry of a catalogue."""

    name: str
    lowest: float | None = None
    highest: float | None = None
    allowed: tuple[str, ...] = ()
    null_rule: str = "never"
    alarm: Mapping[str, str] = field(default_factory=dict)


CATALOGUE = (
    Entry("gender", allowed=("F", "M", "it's")),
    Entry("event_count_28d", lowest=0),
    Entry("paid_share_28d", lowest=0, highest=1),
    Entry("songs_per_session_28d", lowest=0, null_rule="int(user_id) % 2 = 0"),
    Entry("days_since_registration", lowest=-31, highest=36_525),
    Entry("lift", null_rule="user_id <> 'nobody'"),
    Entry("has_friends"),
    Entry("browser", null_rule="unrecorded"),
)


@pytest.fixture(scope="module")
def warehouse(spark: SparkSession) -> Iterator[SparkSession]:
    for table, query in TABLES.items():
        spark.sql(f"create namespace if not exists {table.partition('.')[0]}")
        spark.sql(f"drop table if exists {table}")
        spark.sql(f"create table {table} using iceberg as {query}")
    yield spark
    for table in [*TABLES, "monitoring.validation_results", "monitoring.feature_label_auc"]:
        spark.sql(f"drop table if exists {table}")


@pytest.fixture
def broken(warehouse: SparkSession) -> Iterator[Callable[[str], None]]:
    """Break a table by a statement; it is whole again afterwards."""
    undo: list[str] = []

    def break_by(statement: str) -> None:
        table = next(table for table in TABLES if table in statement)
        snapshot = warehouse.table(f"{table}.refs").where("name = 'main'").collect()[0]["snapshot_id"]
        undo.append(f"call spark_catalog.system.rollback_to_snapshot('{table}', {snapshot})")
        warehouse.sql(statement)

    yield break_by
    for call in reversed(undo):
        warehouse.sql(call)


@pytest.fixture(scope="module")
def good(warehouse: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> ValidationReport:
    return validate(warehouse, LAYERS, tmp_path_factory.mktemp("docs"), "good", CATALOGUE)


def test_a_good_little_warehouse_passes_every_rule_of_every_layer(good: ValidationReport) -> None:
    assert good.passed, [failure.message for failure in good.failures]
    assert {result.table_name for result in good.results} == {*TABLES, AUC}
    assert good.jobs > 0
    assert {result.suite for result in good.results} >= set(LAYERS)


@pytest.fixture
def delivery(warehouse: SparkSession) -> Iterator[None]:
    """The session stands on the branch of a run that brings events of 6 December, where the 10th was known."""
    warehouse.sql(
        "create table raw.touched_dates using iceberg tblproperties ('write.wap.enabled' = 'true') as "
        "select date '2018-12-10' as event_date, timestamp '2018-12-11' as ingested_at, 5L as event_count"
    )
    warehouse.conf.set(BRANCH_OF_SESSION, "run")
    warehouse.sql("insert into raw.touched_dates values (date '2018-12-06', timestamp '2018-12-12', 1)")
    yield
    warehouse.conf.unset(BRANCH_OF_SESSION)
    warehouse.sql("drop table raw.touched_dates")


@pytest.mark.usefixtures("delivery")
def test_late_events_warn_and_are_refused_where_the_user_says_so(warehouse: SparkSession, tmp_path: Path) -> None:
    def found(own: str = "") -> ValidationReport:
        (tmp_path / "limits.yml").write_text(own)
        return validate(warehouse, ["raw"], tmp_path / "docs", "late", CATALOGUE, limits=load(tmp_path / "limits.yml"))

    report = found()
    assert report.passed
    (warning,) = report.warnings
    assert (warning.rule, warning.table_name, warning.observed_value) == ("raw.late_events", "raw.touched_dates", "4")
    refused = found("rules: {raw.late_events: {severity: stop, reason: What is closed is closed.}}")
    assert [failure.rule for failure in refused.failures] == ["raw.late_events"]
    four = found("rules: {raw.late_events: {severity: stop, limits: {days: 4}, reason: Phones are offline for days.}}")
    assert (four.passed, four.warnings) == (True, ())


def test_a_log_of_a_handful_of_users_passes(
    warehouse: SparkSession, broken: Callable[[str], None], tmp_path: Path
) -> None:
    broken(f"delete from {RAW} where line_number >= 120")
    broken(f"delete from {STAGING} where session_id >= 120")
    for table in (FEATURES, LABELS, PREDICTIONS):
        broken(f"delete from {table} where int(user_id) >= 5")
    broken(f"update {LABELS} set will_churn_soon = true, will_lapse = null")
    report = validate(warehouse, LAYERS, tmp_path, "handful", CATALOGUE)
    assert report.passed, [failure.message for failure in report.failures]


def test_a_log_shorter_than_the_horizon_passes_without_known_outcomes(
    warehouse: SparkSession, broken: Callable[[str], None], tmp_path: Path
) -> None:
    broken(f"update {LABELS} set churned_in_time_bin = null, will_churn_soon = null, horizon_days = 14")
    report = validate(warehouse, ["labels"], tmp_path, "short", CATALOGUE)
    assert report.passed, [failure.message for failure in report.failures]


def test_each_feature_gets_its_rules_from_the_catalogue(good: ValidationReport) -> None:
    rules = [result for result in good.results if result.suite == "features"]
    rules = [rule for rule in rules if rule.column_name]
    by_rule = {rule.expectation: {r.column_name for r in rules if r.expectation == rule.expectation} for rule in rules}
    numbers = {"event_count_28d", "paid_share_28d", "songs_per_session_28d", "days_since_registration", "lift"}
    assert by_rule == {
        "expect_feature_to_be_in_range": numbers | {"has_friends"},
        "expect_feature_to_be_allowed": {"gender"},
        "expect_feature_to_be_known": numbers | {"gender", "has_friends"},
        "expect_feature_to_be_null": {"songs_per_session_28d", "lift"},
        "expect_feature_to_be_recorded": {"browser"},
    }
    assert {rule.element_count for rule in rules} == {600}
    seen = {r.column_name: r.observed_value for r in rules if r.expectation == "expect_feature_to_be_in_range"}
    assert seen["event_count_28d"] == "0.0 to 299.0"


@dataclass(frozen=True)
class Breakage:
    """A statement that breaks a table, and the one rule that has to notice, on so many rows (None: a total)."""

    suite: str
    statement: str
    rule: str
    column: str | None = None
    count: int | None = None
    stops: bool = True


BREAKAGES = [
    Breakage("raw", f"update {RAW} set ts = ts div 1000 where line_number < 3", "raw.moments", "ts", 3),
    Breakage(
        "raw", f"update {RAW} set auth = 'Guest' where line_number < 200", "raw.guests", "is_anonymous", stops=False
    ),
    Breakage("raw", f"update {RAW} set page = 'Home'", "raw.songs", "is_song", stops=False),
    Breakage("raw", f"update {RAW} set length = -1 where line_number = 7", "raw.lengths", "length", 1, stops=False),
    Breakage("raw", f"update {RAW} set page = null where line_number = 7", "raw.known", "page", 1),
    Breakage("raw", f"update {FILES} set rejected_count = 63", "raw.refused_lines", "rejected_share", 1),
    Breakage("staging", f"delete from {STAGING} where user_id = '7'", "staging.distinct_lines"),
    Breakage("staging", f"update {STAGING} set artist = null", "staging.artists", "song_without_artist", stops=False),
    Breakage(
        "features",
        f"delete from {FEATURES} where as_of_date = '2018-11-26' and user_id > '2'",
        "features.users",
        "share_of_previous",
        1,
        stops=False,
    ),
    Breakage(
        "labels",
        f"update {LABELS} set churned_in_time_bin = true",
        "labels.share",
        "churned_in_time_bin",
        stops=False,
    ),
    Breakage("labels", f"update {LABELS} set churned_in_time_bin = null", "labels.known", "churned_in_time_bin", 600),
    Breakage(
        "predictions",
        f"update {PREDICTIONS} set churn_probability = 1.5 where user_id = '7'",
        "predictions.probability",
        "churn_probability",
        1,
    ),
    Breakage(
        "predictions",
        f"update {PREDICTIONS} set churn_probability = 0.1",
        "predictions.varied",
        "churn_probability",
        stops=False,
    ),
    Breakage("predictions", f"delete from {PREDICTIONS} where user_id = '7'", "predictions.coverage"),
]


@pytest.mark.parametrize("breakage", BREAKAGES, ids=lambda breakage: breakage.statement)
def test_a_broken_table_fails_and_is_named(
    warehouse: SparkSession, broken: Callable[[str], None], tmp_path: Path, breakage: Breakage
) -> None:
    broken(breakage.statement)
    report = validate(warehouse, [breakage.suite], tmp_path, "broken", CATALOGUE)
    (failure,) = (*report.failures, *report.warnings)
    assert report.passed == (not breakage.stops)
    assert failure.rule == breakage.rule
    assert (failure.column_name, failure.unexpected_count) == (breakage.column, breakage.count)
    assert not failure.is_error
    assert failure.table_name in breakage.statement
    assert all(word in failure.message for word in (failure.table_name, failure.rule, str(failure.observed_value)))
    assert len(failure.examples) == min(breakage.count or 0, 5)
    assert all(_is_key(example) for example in failure.examples), failure.examples


def _is_key(example: str) -> bool:
    return re.fullmatch(r"((record_hash|checksum|event_date|user_id|as_of_date)=[0-9a-f-]+ ?)+", example) is not None


def test_a_rule_that_cannot_be_evaluated_stops_the_gate(warehouse: SparkSession, tmp_path: Path) -> None:
    lost = Path(warehouse.sql("select file_path from raw.events.files limit 1").collect()[0][0].removeprefix("file:"))
    kept = lost.rename(tmp_path / lost.name)
    try:
        report = validate(warehouse, ["raw"], tmp_path / "docs", "error", CATALOGUE)
    finally:
        kept.rename(lost)
    errors = [failure for failure in report.failures if failure.is_error]
    assert not report.passed
    assert {error.table_name for error in errors} == {"raw.events"}
    assert all("could not be evaluated" in error.message for error in errors)
    stored = warehouse.table("monitoring.validation_results").where("run_id = 'error'").select("success", "is_error")
    assert {tuple(row) for row in stored.collect()} == {(False, True), (True, False)}


def test_results_are_rows_in_sql_and_a_second_run_appends(
    warehouse: SparkSession, good: ValidationReport, broken: Callable[[str], None], tmp_path: Path
) -> None:
    broken("update ml.churn_predictions set risk_decile = 11 where user_id in ('7', '8')")
    validate(warehouse, ["predictions"], tmp_path, "again", CATALOGUE)
    rows = warehouse.sql("""
        select run_id, suite, rule, severity, column_name, unexpected_count, size(examples), element_count,
            observed_value, expected, excess
        from monitoring.validation_results
        where run_id in ('good', 'again') and not success""").collect()
    assert [tuple(row) for row in rows] == [
        ("again", "predictions", "predictions.decile", "stop", "risk_decile", 2, 2, 300, "11", "at most 10.0", 2.0)
    ]
    kept = warehouse.sql("select count(*) from monitoring.validation_results where run_id = 'good'").collect()[0][0]
    assert kept == len(good.results)


def test_the_site_shows_the_run_without_network_script_or_personal_values(good: ValidationReport) -> None:
    pages = list(good.index_page.parent.rglob("*.html"))
    index = good.index_page.read_text()
    assert all(suite in index for suite in LAYERS)
    assert len(pages) == 1 + len({result.suite for result in good.results})
    assert "All rules hold" in index
    for page in pages:
        text = page.read_text()
        assert not re.search(r"<script|<link|<img|url\(", text), page
        assert NAME not in text
    links = re.findall(r'href="(validations[^"]+)"', index)
    assert links
    assert all((good.index_page.parent / link).is_file() for link in links)


def test_the_site_grows_with_the_calls_of_a_run_and_starts_anew_with_the_next(
    warehouse: SparkSession, tmp_path: Path
) -> None:
    for suite, run_id in (("raw", "first"), ("raw", "second"), ("labels", "second")):
        report = validate(warehouse, [suite], tmp_path, run_id, CATALOGUE)
    results = {(page.parts[-3], page.parts[-4]) for page in (tmp_path / "validations").rglob("*.html")}
    assert results == {("second", "raw"), ("second", "raw_files"), ("second", "labels")}
    assert report.index_page.read_text().count('href="validations') == len(results)


def test_the_site_shows_first_what_broke_with_what_was_expected_and_observed(
    warehouse: SparkSession, broken: Callable[[str], None], tmp_path: Path
) -> None:
    broken(f"update {PREDICTIONS} set risk_decile = 11 where user_id in ('7', '8')")
    broken(f"update {PREDICTIONS} set churn_probability = 0.1")
    report = validate(warehouse, ["predictions"], tmp_path, "broken", CATALOGUE)
    index = report.index_page.read_text()
    assert "The gate stopped this run" in index
    places = [index.index(text) for text in ("predictions.decile", "at most 10.0", "<td>11", "predictions.varied")]
    assert places == sorted(places)
    page = next((tmp_path / "validations").rglob("*.html")).read_text()
    rows = page.split("<tr")[2:]
    assert [("stops" in row, "warns" in row) for row in rows[:3]] == [(True, False), (False, True), (False, False)]
    assert "user_id=7 as_of_date=2018-11-26" in rows[0]
    assert "There are ten deciles. <em>Source: by definition.</em>" in rows[0]


def test_a_missing_table_names_the_command_that_makes_it(warehouse: SparkSession, tmp_path: Path) -> None:
    warehouse.sql("drop table ml.churn_predictions")
    try:
        with pytest.raises(MissingTable, match=r"ml\.churn_predictions is missing\. Make it with: sparkhouse predict"):
            validate(warehouse, ["predictions"], tmp_path, "missing", CATALOGUE)
    finally:
        warehouse.sql(f"create table ml.churn_predictions using iceberg as {TABLES['ml.churn_predictions']}")


def test_an_unknown_suite_lists_the_known_ones(warehouse: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(UnknownSuite, match=r"'martians'.*raw, staging, features, labels, leaks, predictions"):
        validate(warehouse, ["martians"], tmp_path, "unknown", CATALOGUE)


def test_great_expectations_is_not_imported_before_it_is_needed() -> None:
    code = "import sys, expectations.gate; sys.exit('great_expectations' in sys.modules)"
    assert run([sys.executable, "-c", code], check=False, cwd=Path(__file__).parents[2]).returncode == 0


def test_of_an_empty_table_only_that_is_told(
    warehouse: SparkSession, broken: Callable[[str], None], tmp_path: Path
) -> None:
    broken(f"delete from {FEATURES}")
    report = validate(warehouse, ["features"], tmp_path, "empty", CATALOGUE)
    assert [(failure.suite, failure.rule) for failure in report.failures] == [
        ("features", "features.rows"),
        ("features_snapshots", "features.rows"),
    ]
    assert validate(warehouse, ["leaks"], tmp_path, "empty", CATALOGUE).passed


def test_broken_features_are_each_told_by_rule_with_some_of_their_rows(
    warehouse: SparkSession, broken: Callable[[str], None], tmp_path: Path
) -> None:
    for column, value, users in [
        ("event_count_28d", "-9007199254740993", "true"),
        ("paid_share_28d", "double('nan')", "user_id = '7'"),
        ("days_since_registration", "double('infinity')", "user_id = '7'"),
        ("gender", "if(user_id = '7', null, 'X')", "int(user_id) < 10"),
        ("songs_per_session_28d", "if(user_id = '7', null, 1)", "user_id in ('7', '8')"),
        ("lift", "0", "user_id in ('7', '8')"),
        ("browser", "null", "int(user_id) > 149"),
    ]:
        broken(f"update {FEATURES} set {column} = {value} where {users}")
    report = validate(warehouse, ["features"], tmp_path, "broken", CATALOGUE)
    failures = report.failures
    assert {(failure.column_name, failure.expectation, failure.unexpected_count) for failure in failures} == {
        ("event_count_28d", "expect_feature_to_be_in_range", 600),
        ("paid_share_28d", "expect_feature_to_be_in_range", 2),
        ("days_since_registration", "expect_feature_to_be_in_range", 2),
        ("gender", "expect_feature_to_be_allowed", 18),
        ("gender", "expect_feature_to_be_known", 2),
        ("songs_per_session_28d", "expect_feature_to_be_known", 2),
        ("songs_per_session_28d", "expect_feature_to_be_null", 2),
        ("lift", "expect_feature_to_be_null", 4),
    }
    (unrecorded,) = report.warnings
    assert (unrecorded.column_name, unrecorded.rule, unrecorded.unexpected_count) == (
        "browser",
        "features.recorded",
        None,
    )
    found = {failure.column_name: failure for failure in failures}
    assert len(found["event_count_28d"].examples) == 5
    assert unrecorded.examples == ()
    assert found["paid_share_28d"].message == (
        "marts.fct_user_features.paid_share_28d: features.range (0 to 1), observed 0.0 to nan; 2 rows break it, "
        "such as user_id=7 as_of_date=2018-11-19; user_id=7 as_of_date=2018-11-26. The values and bounds of a feature "
        "follow from how it is made; they stand in the catalogue."
    )
    page = next((tmp_path / "validations").rglob("features/**/*.html")).read_text()
    assert page.count("user_id=7 as_of_date=2018-11-19") >= 5


def test_a_column_without_an_entry_and_an_entry_without_a_column_are_told(
    warehouse: SparkSession, tmp_path: Path
) -> None:
    catalogue = [*CATALOGUE[2:], Entry("yesterdays_feature")]
    for suite in ("features", "leaks"):
        with pytest.raises(CatalogueMismatch) as mismatch:
            validate(warehouse, [suite], tmp_path, "mismatch", catalogue)
        assert str(mismatch.value).splitlines() == [
            "The columns of marts.fct_user_features are not those of the catalogue.",
            "Without an entry in the catalogue: gender, event_count_28d.",
            "Without a column in the table: yesterdays_feature.",
            "Bring the table up to date with: sparkhouse build",
        ]


@pytest.mark.parametrize("null_rule", ["event_count_28d = = 0", "event_count_29d = 0", "gender"])
def test_a_null_rule_that_is_no_condition_is_told_with_its_feature(
    warehouse: SparkSession, tmp_path: Path, null_rule: str
) -> None:
    catalogue = [*CATALOGUE[:-1], Entry("browser", null_rule=null_rule)]
    with pytest.raises(BrokenNullRule, match=f"The null rule of browser, `{null_rule}`, cannot be evaluated: "):
        validate(warehouse, ["features"], tmp_path, "broken-null-rule", catalogue)


# The paid share becomes the label, but for one user in ten and a little noise.
LEAK = f"""
    update {FEATURES}
    set paid_share_28d = pmod(hash(user_id), 100) / 1000
        + if(int(user_id) % 10 = 0 and int(user_id) % 100 > 0, 0.8, 0)"""


def test_a_column_that_knows_the_future_fails_the_gate_and_is_named(
    warehouse: SparkSession, broken: Callable[[str], None], tmp_path: Path
) -> None:
    broken(LEAK)
    (failure,) = validate(warehouse, ["features", "leaks"], tmp_path, "leak", CATALOGUE).failures
    assert (failure.rule, failure.column_name) == ("leaks.auc", "churned_in_time_bin")
    assert re.match(r"paid_share_28d with an AUC of 0\.9\d\d ", failure.observed_value or "")
    assert failure.unexpected_count == 1
    assert failure.examples[0].startswith("paid_share_28d AUC=0.9")
    assert "60 of 600 rows, of 30 users, have it" in failure.message
    assert "as its alarm for churned_in_time_bin" in failure.message


def test_a_leak_with_a_reason_passes_and_is_kept_with_it(
    warehouse: SparkSession, broken: Callable[[str], None], tmp_path: Path
) -> None:
    broken(LEAK)
    excused = Entry("paid_share_28d", lowest=0, highest=1, alarm={"churned_in_time_bin": "It is made so."})
    catalogue = [excused if entry.name == excused.name else entry for entry in CATALOGUE]
    assert validate(warehouse, ["leaks"], tmp_path, "excused", catalogue).passed
    rows = warehouse.sql("""
        select feature, auc > 0.9, lower_bound > 0.8, row_count, positive_count, positive_user_count, reason
        from monitoring.feature_label_auc
        where run_id = 'excused' and label = 'churned_in_time_bin' and is_excused""").collect()
    assert [tuple(row) for row in rows] == [("paid_share_28d", True, True, 600, 60, 30, "It is made so.")]


def test_a_small_log_raises_no_alarm(warehouse: SparkSession, broken: Callable[[str], None], tmp_path: Path) -> None:
    broken(LEAK)
    for table in (FEATURES, LABELS):
        broken(f"delete from {table} where int(user_id) >= 190")
    report = validate(warehouse, ["leaks"], tmp_path, "small", CATALOGUE)
    assert report.passed
    told = next(result for result in report.results if result.column_name == "churned_in_time_bin")
    assert "too little to judge by: 38 of 380 rows, of 19 users, have it" in told.message


def test_the_auc_of_every_feature_and_label_is_kept(warehouse: SparkSession, good: ValidationReport) -> None:
    kept = warehouse.sql("select * from monitoring.feature_label_auc where run_id = 'good'").toPandas()
    assert len(kept) == len(CATALOGUE) * 6
    churn = kept[kept.label == "churned_in_time_bin"].set_index("feature")
    # Whoever churns has an even number of events, and then there is no songs per session: 4 in 9 of the others.
    assert churn.loc["songs_per_session_28d", "auc"] == pytest.approx((1 + 1 - 4 / 9) / 2)
    assert "NULL" in str(churn.loc["songs_per_session_28d", "ranked_by"])
    # A label that is known of nobody ranks nothing.
    assert kept[kept.label == "will_churn_in_next_bin"].auc.isna().all()
    best = {result.column_name: result.observed_value or "" for result in good.results if result.suite == "leaks"}
    assert best["churned_in_time_bin"].startswith("songs_per_session_28d with an AUC of 0.778 ")


def test_of_an_accepted_finding_no_pages_are_made_where_those_of_the_run_are_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As on another machine than that of the run."""
    show_accepted(tmp_path / "docs", "run-1", {"volumes.hole"}, "by me in run run-1: It was down.", ["It was down."])
    assert caplog.text == ""
    assert not (tmp_path / "docs" / "index.html").exists()
