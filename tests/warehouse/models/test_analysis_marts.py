"""The marts that analysts read, and the labels, against the same numbers computed from the log without Spark."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import yaml

from cli.machine.home import DBT_PROJECT, PROFILES
from warehouse.contract.catalogue import features
from warehouse.contract.labels import default_label

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession

    from cli.machine.home import Home

MARTS = (
    "fct_service_days",
    "fct_retention_cohorts",
    "fct_survival_by_tenure",
    "fct_cancel_funnel",
    "fct_event_values",
    "fct_feature_distributions",
)
CANCEL_FLOW = ("Cancel", "Cancellation Confirmation")
OTHER_PLAN = {"spark.sql.shuffle.partitions": "7", "spark.sql.adaptive.enabled": "false"}
HORIZON = pd.Timedelta(days=14)
DAY = pd.Timedelta(days=1)
CLOCK = re.compile(
    r"current_date|current_timestamp|localtimestamp|\bnow\(|\bcurdate\(|unix_timestamp\(\)|run_started_at|modules\.datetime"
)


@dataclass(frozen=True)
class Built:
    """The session on the built marts, and the same log read by pandas: events of known users, and these users."""

    spark: SparkSession
    observed_until: pd.Timestamp
    events: pd.DataFrame
    used: pd.DataFrame
    users: pd.DataFrame

    def mart(self, table: str) -> pd.DataFrame:
        return self.spark.table(f"marts.{table}").toPandas()


def read_events(log: Path) -> pd.DataFrame:
    events = pd.read_json(log, lines=True, dtype={"userId": str}, convert_dates=False).drop_duplicates()
    known = events[(events.userId != "") & events.registration.notna()]
    known = known.assign(occurred_at=pd.to_datetime(known.ts, unit="ms"))
    known = known.assign(date=known.occurred_at.dt.normalize())
    return known.sort_values(["occurred_at", "sessionId", "itemInSession"], kind="stable")


def users_of(events: pd.DataFrame, used: pd.DataFrame) -> pd.DataFrame:
    """Registration, first event, its level, and cancellation, by user."""
    first = used.drop_duplicates("userId").set_index("userId")
    changed = first.page.map({"Submit Upgrade": "paid", "Submit Downgrade": "free"})
    return pd.DataFrame(
        {
            "registered_at": pd.to_datetime(first.registration, unit="ms"),
            "entered_at": first.occurred_at,
            "entry_level": changed.fillna(first.level),
            "cancelled_at": events[events.page == CANCEL_FLOW[1]].set_index("userId").occurred_at.reindex(first.index),
        }
    )


@pytest.fixture(scope="module")
def built(empty_warehouse: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Built:
    from dbt.cli.main import dbtRunner

    from warehouse.landing.finding import find_logs
    from warehouse.landing.ingest import ingest
    from warehouse.landing.simulator import SimulationSpec, simulate

    folder = tmp_path_factory.mktemp("log")
    log = folder / "events.json"
    simulate(SimulationSpec(users=60, days=50, seed=3), log)
    ingest(empty_warehouse, find_logs([log]), folder / "staging", "salt")
    selected = [f"+{name}" for name in (*MARTS, "fct_churn_labels")]
    options = ["--quiet", "--project-dir", str(DBT_PROJECT), "--profiles-dir", str(PROFILES)]
    done = dbtRunner().invoke(["run", *options, "--select", *selected])
    assert done.success, done.exception or done.result
    [window] = empty_warehouse.table("intermediate.int_observation_window").collect()
    events = read_events(log)
    used = events[~events.page.isin(CANCEL_FLOW)]
    return Built(empty_warehouse, pd.Timestamp(window.observed_until), events, used, users_of(events, used))


def test_service_days_are_the_sums_of_the_log(built: Built) -> None:
    dates = pd.date_range(built.events.date.min(), (built.observed_until - pd.Timedelta(1, "us")).normalize())
    used, by_date = built.used, built.used.groupby("date")
    first_dates = used.groupby("userId").date.min()
    sessions = used.groupby(["userId", "sessionId"]).date.min()
    expected = pd.DataFrame(
        {
            "active_user_count": by_date.userId.nunique(),
            "new_user_count": first_dates.value_counts(),
            "session_count": sessions.value_counts(),
            "cancellation_count": built.events[built.events.page == CANCEL_FLOW[1]].date.value_counts(),
            **{
                name: used[used.page == page].date.value_counts()
                for name, page in {
                    "song_count": "NextSong",
                    "advert_count": "Roll Advert",
                    "thumbs_up_count": "Thumbs Up",
                    "thumbs_down_count": "Thumbs Down",
                    "error_count": "Error",
                    "upgrade_count": "Submit Upgrade",
                    "downgrade_count": "Submit Downgrade",
                }.items()
            },
        }
    ).reindex(dates)
    expected = expected.fillna(0).astype("int64")
    weeks = [used[(used.date > date - 7 * DAY) & (used.date <= date)] for date in dates]
    expected["active_user_count_7d"] = [week.userId.nunique() for week in weeks]
    expected["listening_hours"] = by_date.length.sum().reindex(dates).fillna(0) / 3600

    found = built.mart("fct_service_days").set_index("event_date").sort_index()
    found.index = pd.DatetimeIndex(found.index)
    pd.testing.assert_frame_equal(found, expected[found.columns], check_names=False, check_freq=False, rtol=1e-9)
    assert (expected.sum() > 0).all()


def test_retention_counts_the_cohorts_of_each_snapshot(built: Built) -> None:
    begin = built.events.occurred_at.min().normalize()
    snapshots = pd.to_datetime(built.spark.table("intermediate.int_user_snapshots_spined").toPandas().as_of_date)
    expected = []
    for as_of in sorted(snapshots.unique()):
        seen = built.users[built.users.entered_at < as_of]
        past = built.used[built.used.occurred_at < as_of].groupby("userId").date.max().reindex(seen.index)
        stays = ~(seen.cancelled_at < as_of)
        cohort = pd.DataFrame(
            {
                "registration_month": seen.registered_at.dt.to_period("M").dt.to_timestamp(),
                "entry_level": seen.entry_level,
                "user_count": 1,
                "subscribed_user_count": stays,
                "active_user_count_7d": (stays & (past >= as_of - 7 * DAY)) if as_of - begin >= 7 * DAY else np.nan,
                "active_user_count_28d": (stays & (past >= as_of - 28 * DAY)) if as_of - begin >= 28 * DAY else np.nan,
            }
        )
        sums = cohort.groupby(["registration_month", "entry_level"]).sum(min_count=1).astype("float64")
        expected.append(sums.assign(as_of_date=as_of).reset_index())
    keys = ["registration_month", "entry_level", "as_of_date"]
    wanted = pd.concat(expected).set_index(keys).sort_index()
    found = built.mart("fct_retention_cohorts")
    found[["registration_month", "as_of_date"]] = found[["registration_month", "as_of_date"]].apply(pd.to_datetime)
    found = found.set_index(keys).sort_index()
    pd.testing.assert_frame_equal(found[wanted.columns].astype("float64"), wanted)
    for count in ("subscribed_user_count", "active_user_count_7d", "active_user_count_28d"):
        np.testing.assert_array_equal(found[count.replace("user_count", "share")], found[count] / found.user_count)
    assert found.active_share_28d.notna().any()


def kaplan_meier(lives: pd.DataFrame) -> pd.DataFrame:
    """Product-limit estimate with delayed entry, straight from its definition: who is at risk is counted day by day."""
    rows, survival, variance = [], 1.0, 0.0
    for day, leaving in lives.groupby("exit"):
        at_risk = len(lives[(lives.entry <= day) & (lives.exit >= day)])
        cancelled = int(leaving.is_cancelled.sum())
        survival *= 1 - cancelled / at_risk
        variance += math.inf if cancelled == at_risk else cancelled / (at_risk * (at_risk - cancelled))
        error = survival * math.sqrt(variance) if survival > 0 else math.nan
        rows.append((day, at_risk, cancelled, len(leaving) - cancelled, cancelled / at_risk, survival, error))
    columns = ["tenure_day", "at_risk_count", "cancelled_count", "censored_count", "hazard", "survival"]
    return pd.DataFrame(rows, columns=[*columns, "survival_standard_error"])


@pytest.mark.parametrize("level", ["all", "free", "paid"])
def test_survival_is_the_product_limit_estimate_with_delayed_entry(built: Built, level: str) -> None:
    users = built.users[(built.users.entry_level == level) | (level == "all")]
    users = users[users.entered_at <= built.observed_until]
    is_cancelled = users.cancelled_at <= built.observed_until
    left_at = users.cancelled_at.where(is_cancelled, built.observed_until)
    lives = pd.DataFrame(
        {
            "entry": (users.entered_at - users.registered_at).dt.days.clip(lower=0),
            "exit": (left_at - users.registered_at).dt.days.clip(lower=0),
            "is_cancelled": is_cancelled,
        }
    )
    found = built.mart("fct_survival_by_tenure").query("entry_level == @level").sort_values("tenure_day")
    found = found.drop(columns="entry_level").reset_index(drop=True)
    pd.testing.assert_frame_equal(found, kaplan_meier(lives), check_dtype=False, rtol=1e-12)
    assert level == "paid" or is_cancelled.sum() > 3
    assert (lives.entry > 0).any(), "nobody enters late: the test shows nothing"


def test_funnel_counts_the_pages_of_the_last_day_before_each_cancellation(built: Built) -> None:
    cancelled = built.users.cancelled_at.dropna().rename("cancelled_at")
    joined = built.used.join(cancelled, on="userId", how="inner")
    past = joined[(joined.occurred_at > joined.cancelled_at - DAY) & (joined.occurred_at <= joined.cancelled_at)]
    found = built.mart("fct_cancel_funnel").set_index(["anchor_group", "page"]).sort_index()
    assert set(found.user_count) == {len(cancelled)}
    of_cancelled, of_matched = found.loc["cancelled"], found.loc["matched"]
    assert of_cancelled.view_count[of_cancelled.view_count > 0].to_dict() == past.page.value_counts().to_dict()
    assert of_cancelled.page_user_count.max() <= len(cancelled)
    users = past.groupby("page").userId.nunique()
    pd.testing.assert_series_equal(
        of_cancelled.page_user_share[users.index], users / len(cancelled), check_names=False, check_index_type=False
    )
    assert of_matched.index.equals(of_cancelled.index)
    assert of_matched.view_count["NextSong"] > 0
    assert not set(CANCEL_FLOW) & set(found.index.get_level_values("page"))


def test_event_values_count_each_value_of_the_log_by_date(built: Built) -> None:
    found = built.mart("fct_event_values")
    counted = found[found.value.notna()].set_index(["column_name", "event_date", "value"]).event_count
    for key in ("page", "auth", "method", "level", "gender", "status"):
        expected = built.events.groupby([built.events.date.dt.date, built.events[key].astype(str)]).size()
        assert counted["http_status" if key == "status" else key].to_dict() == expected.to_dict()
    lacking = found[found.value.isna()].groupby("column_name").event_count.sum()
    songs = int(built.events.song.isna().sum())
    assert lacking.to_dict() == {"artist": songs, "song": songs, "song_length_seconds": songs}
    assert (found.groupby("column_name").event_count.sum() == len(built.events)).all()


def test_event_values_have_every_column_of_the_events() -> None:
    folder = DBT_PROJECT / "models"
    [staged, *_] = yaml.safe_load((folder / "staging" / "sparkify" / "_sparkify__models.yml").read_text())["models"]
    text = (folder / "marts" / "analysis" / "fct_event_values.sql").read_text()
    listed = re.findall(r"'(\w+)'", text.partition("\nwith\n")[0])
    of_no_value = {"event_id", "event_date", "ingested_at"}
    assert sorted(listed) == sorted({column["name"] for column in staged["columns"]} - of_no_value)


def test_feature_distributions_are_those_of_the_features_to_three_digits(built: Built) -> None:
    keys = ["user_id", "as_of_date"]
    labels = built.mart("fct_churn_labels")[[*keys, default_label()]].rename(columns={default_label(): "outcome"})
    snapshots: dict[Any, pd.DataFrame] = dict(
        tuple(built.mart("fct_user_features").merge(labels, on=keys).groupby("as_of_date"))
    )
    found = built.mart("fct_feature_distributions")
    assert set(found.feature) == {each.name for each in features() if each.data_type != "string"}
    assert found.is_churned.isna().sum() == found.feature.nunique() * len(snapshots)
    for row in found.itertuples():
        users = snapshots[row.as_of_date]
        users = users if row.is_churned is None else users[users.outcome == row.is_churned]
        values = users[row.feature].astype(float).dropna()
        assert (row.user_count, row.null_count) == (len(users), len(users) - len(values))
        if len(values):
            assert row.mean == pytest.approx(values.mean(), rel=0.005, abs=0.005 * values.abs().mean())
            exact = np.quantile(values, [0.05, 0.25, 0.5, 0.75, 0.95], method="inverted_cdf")
            assert row.quantiles == pytest.approx(list(exact), rel=0.005)


@pytest.mark.parametrize("mart", MARTS)
def test_a_mart_is_the_same_however_spark_splits_the_work(built: Built, home: Home, mart: str) -> None:
    compiled = home.path / "dbt" / "target" / "compiled" / "sparkhouse" / "models" / "marts"
    (path,) = compiled.rglob(f"{mart}.sql")
    query = path.read_text()
    before = {name: built.spark.conf.get(name) for name in OTHER_PLAN}
    try:
        for name, value in OTHER_PLAN.items():
            built.spark.conf.set(name, value)
        again = {str(row) for row in built.spark.sql(query).collect()}
    finally:
        for name, old in before.items():
            built.spark.conf.set(name, str(old))
    assert again == {str(row) for row in built.spark.table(f"marts.{mart}").collect()}


def outcomes(own: pd.DataFrame, as_of: pd.Timestamp, observed_until: pd.Timestamp) -> tuple[Any, ...]:
    """The labels of a snapshot by their definition, from the single events of its user; None is censored."""
    both = own[(own.occurred_at >= as_of) & (own.occurred_at < as_of + 2 * HORIZON)]
    first = both[both.occurred_at < as_of + HORIZON]
    is_observed, is_next_observed = (as_of + bins * HORIZON <= observed_until for bins in (1, 2))

    def label(seen: bool, known: bool) -> bool | None:  # noqa: FBT001 - reads well in a call
        return True if seen else False if known else None

    def has(events: pd.DataFrame, page: str) -> bool:
        return bool((events.page == page).any())

    churns, churns_soon = has(first, CANCEL_FLOW[1]), has(both, CANCEL_FLOW[1])
    decisive = {CANCEL_FLOW[1]: "churn", "Submit Downgrade": "downgrade", "Submit Upgrade": "upgrade"}
    decided = first.page.map(decisive).dropna()
    otherwise = ("stay" if len(first) else "lapse") if is_observed else None
    return (
        label(churns, is_observed),
        label(churns_soon and not churns, is_next_observed),
        label(churns_soon, is_next_observed),
        label(has(first, "Submit Downgrade"), is_observed),
        label(has(first, "Submit Upgrade"), is_observed),
        first.empty if is_observed else None,
        decided.iloc[0] if len(decided) else otherwise,
    )


def test_labels_are_those_of_the_single_events(built: Built) -> None:
    labels = built.spark.table("marts.fct_churn_labels").drop("horizon_days").collect()
    own = dict(iter(built.events.groupby("userId")))
    until = built.observed_until
    expected = {tuple(row)[:2]: outcomes(own[row.user_id], pd.Timestamp(row.as_of_date), until) for row in labels}
    assert {tuple(row)[:2]: tuple(row)[2:] for row in labels} == expected
    seen = set(expected.values())
    for place in range(6):
        assert {True, False, None} == {values[place] for values in seen}
    assert {values[-1] for values in seen} == {"churn", "downgrade", "upgrade", "lapse", "stay", None}


def test_every_user_who_stays_past_a_snapshot_has_labels(built: Built) -> None:
    labels = built.mart("fct_churn_labels")
    for as_of_date in labels.as_of_date.unique():
        as_of = pd.Timestamp(as_of_date)
        existing = built.users[(built.users.entered_at < as_of) & ~(built.users.cancelled_at < as_of)]
        assert sorted(labels.user_id[labels.as_of_date == as_of_date]) == sorted(existing.index)


def test_no_model_asks_the_clock() -> None:
    """The end of the observation is data: a table built next year from the same log is the same table."""
    files = [path for folder in ("models", "macros", "tests") for path in (DBT_PROJECT / folder).rglob("*.sql")]
    assert files
    assert not [path.name for path in files if CLOCK.search(path.read_text().lower())]


def test_no_other_model_reads_what_looks_back_from_outcomes() -> None:
    properties = [yaml.safe_load(path.read_text()) for path in (DBT_PROJECT / "models").rglob("*.yml")]
    models = [model for found in properties for model in found.get("models", [])]
    looks_back = {m["name"] for m in models if m.get("config", {}).get("meta", {}).get("retrospective")}
    assert {"fct_cancel_funnel", "fct_survival_by_tenure"} <= looks_back
    for path in (DBT_PROJECT / "models").rglob("*.sql"):
        read = set(re.findall(r"ref\('(\w+)'\)", path.read_text()))
        assert path.stem in looks_back or not read & looks_back, path.stem
