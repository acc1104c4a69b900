"""Campaigns: whom an offer pays for, who is held back to compare with, and what the offers are seen to change."""

from __future__ import annotations

import csv
import random
import time
from dataclasses import replace
from datetime import date, datetime, timezone
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

from models_ml.campaigns.arms import Arm, reduction_interval, users_needed
from models_ml.campaigns.campaign import NobodyWorthAnOffer, NoPrediction, campaign
from models_ml.campaigns.effect import campaign_effect
from models_ml.campaigns.spec import CampaignSpec, InvalidCampaign
from models_ml.campaigns.tables import OtherSettings, UnknownCampaign
from models_ml.errors import MissingTable, UnknownLabel, UnwritableFile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pyspark.sql import Row, SparkSession

LABEL = "churned_in_time_bin"
MONDAY, NEXT_MONDAY = date(2018, 11, 5), date(2018, 11, 12)
NOON, EVENING = (datetime(2018, 11, 13, hour, tzinfo=timezone.utc) for hour in (12, 20))
# An offer pays above a probability of 5 / (0.3 * 60) = 0.278.
SPEC = CampaignSpec(LABEL, budget=100, offer_cost=5, save_rate=0.3, customer_value=60, holdout=0.1)
KEYS = "user_id string not null, as_of_date date not null, label string not null, model_version string not null"
PREDICTIONS = (
    f"{KEYS}, churn_probability double not null, scored_at timestamp not null, "
    "churn_probability_low double, churn_probability_high double, reasons array<string>"
)
PLANTED = 5_000


def scored(
    user: str, probability: float, day: date = MONDAY, version: str = "1-a", at: datetime = NOON
) -> tuple[Any, ...]:
    low, high = probability - 0.05, probability + 0.05
    return user, day, LABEL, version, probability, at, low, high, ["few songs", "many ads, lately"]


# Probabilities 0.01 to 0.40: 13 users are above the break-even point.
USERS = [scored(f"{number:02}", number / 100) for number in range(1, 41)]


def predictions(spark: SparkSession, rows: Sequence[tuple[Any, ...]], schema: str = PREDICTIONS) -> None:
    for table in ("ml.churn_predictions", "ml.campaign_targets", "monitoring.campaign_effects"):
        spark.sql(f"drop table if exists {table} purge")
    spark.sql("create namespace if not exists ml")
    spark.sql(f"create table ml.churn_predictions ({schema}) using iceberg")
    spark.createDataFrame(rows, schema).writeTo("ml.churn_predictions").append()


def outcomes(spark: SparkSession, rows: Sequence[tuple[str, bool | None]]) -> None:
    spark.sql("create namespace if not exists marts")
    dated = [(user, MONDAY, left) for user, left in rows]
    labels = spark.createDataFrame(dated, f"user_id string, as_of_date date, {LABEL} boolean")
    labels.writeTo("marts.fct_churn_labels").using("iceberg").createOrReplace()


def targets(spark: SparkSession) -> list[Row]:
    return spark.table("ml.campaign_targets").orderBy("campaign_id", "rank").collect()


def share(campaign_id: str, user_id: str) -> float:
    """The draw, repeated without Spark."""
    return int(sha256(f"{campaign_id} {user_id}".encode()).hexdigest()[:13], 16) / 16**13


@pytest.fixture
def warehouse(empty_warehouse: SparkSession) -> SparkSession:
    return empty_warehouse


@pytest.fixture
def forty(warehouse: SparkSession) -> SparkSession:
    """40 users scored on one Monday by one version."""
    predictions(warehouse, USERS)
    return warehouse


# --- The spec ---


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"budget": 4.99}, r"budget must pay one offer at least, not 4.99"),
        ({"budget": float("inf")}, r"budget"),
        ({"offer_cost": 0}, r"offer cost must be above 0, not 0"),
        ({"offer_cost": float("nan")}, r"offer cost"),
        ({"save_rate": 0}, r"save rate must be above 0 and at most 1, not 0"),
        ({"save_rate": 1.01}, r"save rate"),
        ({"customer_value": -1}, r"customer value must be above 0, not -1"),
        ({"holdout": 1}, r"holdout must be 0 or more and below 1, not 1"),
        ({"holdout": -0.1}, r"holdout"),
        ({"name": "../spring"}, r"name must be .* not '\.\./spring'"),
        ({"save_rate": 2, "holdout": 2}, r"save rate .*; the holdout"),
    ],
)
def test_amounts_and_shares_without_sense_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidCampaign, match=message):
        replace(SPEC, **wrong)


@pytest.mark.parametrize("label", ["will_upgrade", "next_outcome", "no_such_label"])
def test_only_labels_that_mean_leaving_have_campaigns(label: str) -> None:
    with pytest.raises(UnknownLabel, match=f"'{label}' does not mean that a user leaves: choose one of churned_in"):
        replace(SPEC, label=label)


def test_a_budget_pays_as_many_offers_as_its_decimals_say() -> None:
    assert replace(SPEC, budget=0.3, offer_cost=0.1).most_offers == 3
    assert replace(SPEC, budget=14.99, offer_cost=5).most_offers == 2
    assert replace(SPEC, budget=1e300, offer_cost=1e-10).most_offers > 10**18


# --- The list ---


def test_an_offer_is_worth_what_it_saves_less_what_it_costs(forty: SparkSession, tmp_path: Path) -> None:
    report = campaign(forty, replace(SPEC, holdout=0), tmp_path)
    first = targets(forty)[0]
    assert (first.user_id, first.rank, first.arm, first.churn_probability) == ("40", 1, "treatment", 0.4)
    assert first.expected_value == pytest.approx(0.3 * 0.4 * 60 - 5)
    assert first.expected_value_low == pytest.approx(0.3 * 0.35 * 60 - 5)
    assert first.expected_value_high == pytest.approx(0.3 * 0.45 * 60 - 5)
    assert first.reasons == ["few songs", "many ads, lately"]
    assert report.expected_saved == pytest.approx(0.3 * sum(number / 100 for number in range(28, 41)))
    assert report.expected_value == pytest.approx(report.expected_saved * 60 - report.spent)
    assert report.expected_value_low == pytest.approx(report.expected_value - 13 * 0.3 * 0.05 * 60)
    assert report.expected_value_high == pytest.approx(report.expected_value + 13 * 0.3 * 0.05 * 60)


def test_without_holdout_all_users_of_positive_value_get_an_offer(forty: SparkSession, tmp_path: Path) -> None:
    report = campaign(forty, replace(SPEC, holdout=0), tmp_path)
    assert [row.user_id for row in targets(forty)] == [str(number) for number in range(40, 27, -1)]
    assert (report.offers, report.control, report.spent, report.control_cost) == (13, 0, 65.0, 0.0)


def test_a_budget_for_one_offer_goes_to_the_best_user(forty: SparkSession, tmp_path: Path) -> None:
    report = campaign(forty, replace(SPEC, budget=9.99, holdout=0), tmp_path)
    assert [(row.user_id, row.rank) for row in targets(forty)] == [("40", 1)]
    assert (report.offers, report.spent) == (1, 5.0)


def test_control_costs_nothing_so_the_list_goes_deeper(forty: SparkSession, tmp_path: Path) -> None:
    report = campaign(forty, replace(SPEC, budget=25, holdout=0.5, name="deeper"), tmp_path)
    rows = targets(forty)
    assert [row.arm for row in rows] == [
        "control" if share("deeper", row.user_id) < 0.5 else "treatment" for row in rows
    ]
    assert [row.user_id for row in rows] == [str(number) for number in range(40, 40 - len(rows), -1)]
    assert rows[-1].arm == "treatment", "the list ends with the last offer paid"
    assert (report.offers, report.spent) == (5, 25.0)
    assert report.control == len(rows) - 5 > 0
    foregone = sum(row.expected_value for row in rows if row.arm == "control")
    assert report.control_cost == pytest.approx(foregone)


def test_among_equals_control_does_not_come_first(warehouse: SparkSession, tmp_path: Path) -> None:
    predictions(warehouse, [scored(f"{number:04}", 0.5) for number in range(2_000)])
    report = campaign(warehouse, replace(SPEC, budget=2_500, holdout=0.2), tmp_path)
    assert report.offers == 500
    assert 0.15 < report.control / (report.offers + report.control) < 0.25


def test_arms_and_ranks_do_not_depend_on_the_order_of_rows(warehouse: SparkSession, tmp_path: Path) -> None:
    alike = [scored(f"{number:02}", 0.3 + number % 3 / 10) for number in range(30)]
    drawn = []
    for rows in (alike, alike[::-1], random.Random(3).sample(alike, 30)):  # noqa: S311 - rows for a test
        predictions(warehouse, rows)
        campaign(warehouse, replace(SPEC, holdout=0.4), tmp_path)
        drawn.append([(row.user_id, row.arm) for row in targets(warehouse)])
    assert drawn[0] == drawn[1] == drawn[2]
    assert {arm for _, arm in drawn[0]} == {"treatment", "control"}


def test_nobody_of_positive_value_is_told_and_nothing_is_written(forty: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(NobodyWorthAnOffer, match=r"pays above a probability of 0\.833 .* the highest .* is 0\.400"):
        campaign(forty, replace(SPEC, customer_value=20), tmp_path)
    assert not forty.catalog.tableExists("ml.campaign_targets")
    assert list(tmp_path.iterdir()) == []


# --- Which predictions ---


def test_the_newest_snapshot_and_the_version_that_scored_it_last_are_taken(
    warehouse: SparkSession, tmp_path: Path
) -> None:
    predictions(
        warehouse,
        [
            scored("1", 0.9, MONDAY, "3-c", EVENING),
            scored("2", 0.9, NEXT_MONDAY, "1-a", EVENING),
            scored("3", 0.9, NEXT_MONDAY, "2-b", NOON),
        ],
    )

    def taken(**named: Any) -> tuple[date, str]:  # noqa: ANN401 - fields of the spec
        report = campaign(warehouse, replace(SPEC, holdout=0, **named), tmp_path)
        return report.as_of, report.model_version

    assert taken() == (NEXT_MONDAY, "1-a")
    assert taken(as_of=MONDAY) == (MONDAY, "3-c")
    assert taken(model_version="2-b") == (NEXT_MONDAY, "2-b")
    assert taken(model_version="3-c") == (MONDAY, "3-c")


def test_what_was_not_scored_is_told_with_what_was(forty: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(NoPrediction, match=r"no prediction of .* 2018-11-12; .* there are 2018-11-05 1-a: run sparkho"):
        campaign(forty, replace(SPEC, as_of=NEXT_MONDAY), tmp_path)
    with pytest.raises(NoPrediction, match=r"no prediction of will_lapse; of will_lapse there are none: run"):
        campaign(forty, replace(SPEC, label="will_lapse"), tmp_path)
    forty.sql("drop table ml.churn_predictions purge")
    with pytest.raises(NoPrediction, match=r"run sparkhouse predict --label churned_in_time_bin"):
        campaign(forty, SPEC, tmp_path)


def test_predictions_without_interval_give_values_without_one(warehouse: SparkSession, tmp_path: Path) -> None:
    older = PREDICTIONS.split(", churn_probability_low", maxsplit=1)[0]
    predictions(warehouse, [row[:6] for row in USERS], older)
    report = campaign(warehouse, replace(SPEC, holdout=0), tmp_path)
    assert (report.expected_value_low, report.expected_value_high) == (None, None)
    assert report.expected_value > 0
    assert {(row.expected_value_low, row.reasons) for row in targets(warehouse)} == {(None, None)}


# --- The same again ---


def test_the_same_campaign_twice_is_one_campaign(forty: SparkSession, tmp_path: Path) -> None:
    first, rows = campaign(forty, SPEC, tmp_path / "first.csv"), targets(forty)
    second = campaign(forty, SPEC, tmp_path / "second.csv")
    assert not first.stands
    assert second == replace(first, path=tmp_path / "second.csv", stands=True)
    assert targets(forty) == rows
    assert second.path.read_bytes() == first.path.read_bytes()


def scored_anew(spark: SparkSession, day: date = MONDAY, version: str = "1-a") -> None:
    """Score the same users the other way round: nobody on the list is worth an offer any more."""
    spark.sql("delete from ml.churn_predictions")
    rows = [scored(f"{number:02}", (41 - number) / 100, day, version, EVENING) for number in range(1, 41)]
    spark.createDataFrame(rows, PREDICTIONS).writeTo("ml.churn_predictions").append()


@pytest.mark.parametrize("version", ["1-a", "2-b"])
@pytest.mark.parametrize("name", [None, "spring"])
def test_a_list_stands_whatever_is_scored_after_it(
    forty: SparkSession, tmp_path: Path, name: str | None, version: str
) -> None:
    first, rows = campaign(forty, replace(SPEC, name=name), tmp_path / "first.csv"), targets(forty)
    scored_anew(forty, version=version)
    second = campaign(forty, replace(SPEC, name=name), tmp_path / "second.csv")
    assert second == replace(first, path=tmp_path / "second.csv", stands=True)
    assert targets(forty) == rows
    assert second.path.read_bytes() == first.path.read_bytes()


def test_a_new_draw_is_a_campaign_of_another_name_or_date(forty: SparkSession, tmp_path: Path) -> None:
    first = campaign(forty, SPEC, tmp_path)
    scored_anew(forty)
    named = campaign(forty, replace(SPEC, name="again"), tmp_path)
    scored_anew(forty, NEXT_MONDAY)
    later = campaign(forty, SPEC, tmp_path)
    assert [(each.as_of, each.stands) for each in (first, named, later)] == [
        (MONDAY, False),
        (MONDAY, False),
        (NEXT_MONDAY, False),
    ]
    users = {row.campaign_id: row.user_id for row in targets(forty) if row.rank == 1}
    assert users == {first.campaign_id: "40", "again": "01", later.campaign_id: "01"}
    # Of the first date nothing is scored any more.
    assert campaign(forty, replace(SPEC, as_of=MONDAY), tmp_path).campaign_id == first.campaign_id
    assert campaign(forty, replace(SPEC, name="again"), tmp_path).as_of == MONDAY


def test_a_version_that_is_asked_for_has_a_campaign_of_its_own(forty: SparkSession, tmp_path: Path) -> None:
    first = campaign(forty, SPEC, tmp_path)
    scored_anew(forty, version="2-b")
    other = campaign(forty, replace(SPEC, model_version="2-b"), tmp_path)
    assert (other.stands, other.model_version) == (False, "2-b")
    assert campaign(forty, SPEC, tmp_path).campaign_id == first.campaign_id
    forty.sql("update ml.campaign_targets set campaign_id = 'spring' where model_version = '1-a'")
    with pytest.raises(OtherSettings, match="spring was drawn with model_version 1-a, not 2-b"):
        campaign(forty, replace(SPEC, name="spring", model_version="2-b"), tmp_path)


def test_notes_that_people_made_in_the_file_are_kept(forty: SparkSession, tmp_path: Path) -> None:
    drawn = campaign(forty, SPEC, tmp_path)
    drawn.path.write_text("sent on Tuesday")
    assert campaign(forty, SPEC, tmp_path).path.read_text() == "sent on Tuesday"
    drawn.path.unlink()
    assert campaign(forty, SPEC, tmp_path).path.read_text().startswith("campaign_id,rank,user_id,arm,")


def test_when_a_list_was_drawn_is_right_in_the_hour_that_comes_twice(
    forty: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign(forty, SPEC, tmp_path)
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        for hour in (0, 1):  # 02:30 in Berlin, twice
            drawn_at = datetime(2026, 10, 25, hour, 30, tzinfo=timezone.utc)
            forty.sql(f"update ml.campaign_targets set created_at = timestamp'{drawn_at:%Y-%m-%d %H:%M:%S}'")
            assert campaign(forty, SPEC, tmp_path).drawn_at == drawn_at
    finally:
        monkeypatch.undo()
        time.tzset()


def test_other_settings_are_another_campaign_beside_it(forty: SparkSession, tmp_path: Path) -> None:
    ids = [campaign(forty, replace(SPEC, budget=budget), tmp_path).campaign_id for budget in (50, 100)]
    assert ids[0] != ids[1]
    assert all(campaign_id.startswith("2018-11-05-churned_in_time_bin-") for campaign_id in ids)
    assert {row.campaign_id for row in targets(forty)} == set(ids)


def test_a_name_with_other_settings_is_refused(forty: SparkSession, tmp_path: Path) -> None:
    campaign(forty, replace(SPEC, name="spring"), tmp_path)
    before = targets(forty)
    with pytest.raises(OtherSettings, match=r"campaign spring was drawn with budget 100\.0, not 50\.0: give .* name"):
        campaign(forty, replace(SPEC, name="spring", budget=50), tmp_path)
    assert targets(forty) == before


# --- The file ---


def test_the_file_has_a_line_per_user_best_first(forty: SparkSession, tmp_path: Path) -> None:
    report = campaign(forty, replace(SPEC, name="spring", holdout=0.3), tmp_path)
    assert report.path == tmp_path / "spring.csv"
    assert [path.name for path in tmp_path.iterdir()] == ["spring.csv"]
    with report.path.open(newline="") as file:
        lines = list(csv.DictReader(file))
    rows = targets(forty)
    assert [(line["user_id"], line["arm"], int(line["rank"])) for line in lines] == [
        (row.user_id, row.arm, row.rank) for row in rows
    ]
    assert [float(line["expected_value"]) for line in lines] == [row.expected_value for row in rows]
    assert lines[0]["reasons"] == "few songs; many ads, lately"
    assert set(lines[0]) == set(rows[0].asDict()) - {"created_at"}


def test_a_file_without_a_folder_is_told_before_anything_is_written(forty: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(UnwritableFile, match="make it first"):
        campaign(forty, SPEC, tmp_path / "nowhere" / "list.csv")
    assert not forty.catalog.tableExists("ml.campaign_targets")


# --- The effect ---


@pytest.mark.parametrize(
    ("control", "treatment", "low", "high"),
    [
        (Arm(70, 70, 56), Arm(80, 80, 48), 0.0524, 0.3339),
        (Arm(10, 10, 9), Arm(10, 10, 3), 0.1705, 0.8090),
        (Arm(56, 56, 5), Arm(29, 29, 0), -0.0381, 0.1926),
        (Arm(10, 10, 0), Arm(10, 10, 0), -0.2775, 0.2775),
    ],
)
def test_the_interval_is_the_one_that_newcombe_published(control: Arm, treatment: Arm, low: float, high: float) -> None:
    interval = reduction_interval(control, treatment)
    assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)


def test_the_users_needed_are_those_of_the_textbook() -> None:
    """The example of R's power.prop.test: 0.75 against 0.50 with a power of 0.90 needs 76.7 users."""
    assert users_needed(0.75, 1 / 3, power=0.9) == 77


@pytest.fixture
def large(warehouse: SparkSession, tmp_path: Path) -> SparkSession:
    """A campaign of 5,000 users, half of them in control."""
    rnd = random.Random(5)  # noqa: S311 - rows for a test
    predictions(warehouse, [scored(f"{number:04}", rnd.uniform(0.3, 0.6)) for number in range(PLANTED)])
    spec = replace(SPEC, budget=1e6, holdout=0.5, name="large")
    campaign(warehouse, spec, tmp_path)
    return warehouse


def drawn_outcomes(spark: SparkSession, save_rate: float) -> None:
    """Users leave with their probability, those with an offer with 1 - save_rate times it."""
    rnd = random.Random(11)  # noqa: S311 - rows for a test
    kept = {"treatment": 1 - save_rate, "control": 1.0}
    outcomes(spark, [(row.user_id, rnd.random() < row.churn_probability * kept[row.arm]) for row in targets(spark)])


def test_outcomes_that_know_nothing_of_offers_show_no_effect(large: SparkSession) -> None:
    drawn_outcomes(large, save_rate=0)
    effect = campaign_effect(large, "large")
    assert effect.treatment.known + effect.control.known == PLANTED
    assert effect.reduction
    assert effect.reduction.low < 0 < effect.reduction.high
    assert effect.verdict.startswith("no effect can be told from 5,000 users: churn was lower by ")
    assert f"each arm needs {effect.users_needed:,} users to show a save rate of 0.3" in effect.verdict


def test_a_planted_effect_is_found(large: SparkSession) -> None:
    drawn_outcomes(large, save_rate=0.3)
    effect = campaign_effect(large, None)
    assert effect.reduction
    assert effect.reduction.low > 0
    planted = 0.3 * sum(row.churn_probability for row in targets(large)) / PLANTED
    assert effect.reduction.low < planted < effect.reduction.high
    assert effect.saved_users
    assert effect.saved_users.low < planted * effect.treatment.users < effect.saved_users.high
    assert effect.value
    assert effect.value.value == pytest.approx(effect.saved_users.value * 60 - effect.treatment.users * 5)
    assert effect.value.low == pytest.approx(effect.saved_users.low * 60 - effect.spent)
    assert effect.verdict.startswith("the offers kept users: among 5,000 users ")


@pytest.fixture
def small(forty: SparkSession, tmp_path: Path) -> SparkSession:
    """A campaign of 13 users, some of them in control."""
    campaign(forty, replace(SPEC, holdout=0.4, name="small"), tmp_path)
    return forty


def test_outcomes_that_are_not_over_tell_no_effect(small: SparkSession) -> None:
    listed = [row.user_id for row in targets(small)]
    outcomes(small, [(user, None) for user in listed])
    assert "known are only 0 of 13 users" in campaign_effect(small, "small").verdict
    outcomes(small, [(user, True if user in listed[:2] else None) for user in listed])
    effect = campaign_effect(small, "small")
    assert "the outcome is not over: known are only 2 of 13 users, those who left" in effect.verdict
    assert (effect.reduction, effect.saved_users, effect.value) == (None, None, None)


def test_users_of_unknown_outcome_are_not_counted_but_told(small: SparkSession) -> None:
    rows = targets(small)
    outcomes(small, [(row.user_id, row.arm == "control") for row in rows[1:]])
    effect = campaign_effect(small, "small")
    assert effect.treatment.known + effect.control.known == 12
    assert (effect.treatment.churn_rate, effect.control.churn_rate) == (0.0, 1.0)
    assert "12 users (of 1 more nothing is known)" in effect.verdict


def test_a_few_users_are_no_ground_for_a_verdict_whatever_came_of_them(small: SparkSession) -> None:
    outcomes(small, [(row.user_id, row.arm == "control") for row in targets(small)])
    effect = campaign_effect(small, "small")
    assert effect.reduction
    assert effect.reduction.low > 0
    assert effect.verdict.startswith("no effect can be told from 13 users")


def test_without_control_no_effect_can_be_told(forty: SparkSession, tmp_path: Path) -> None:
    campaign(forty, replace(SPEC, holdout=0), tmp_path)
    outcomes(forty, [(row.user_id, False) for row in targets(forty)])
    effect = campaign_effect(forty, None)
    assert effect.reduction is None
    assert effect.verdict.startswith("there is no user in control: no effect can be told")


def test_each_measurement_is_a_row(small: SparkSession) -> None:
    outcomes(small, [(row.user_id, row.arm == "control") for row in targets(small)])
    effect = campaign_effect(small, "small")
    outcomes(small, [(row.user_id, None) for row in targets(small)])
    campaign_effect(small, "small")
    found, unknown = small.table("monitoring.campaign_effects").orderBy("measured_at").collect()
    assert effect.reduction
    assert (found.churn_reduction, found.churn_reduction_low) == (1.0, effect.reduction.low)
    assert (found.control_users, found.control_left, found.control_churn_rate) == (found.control_known,) * 2 + (1.0,)
    assert (found.verdict, found.users_needed_per_arm) == (effect.verdict, effect.users_needed)
    assert (unknown.churn_reduction, unknown.treatment_known, unknown.treatment_churn_rate) == (None, 0, None)


def test_on_a_branch_the_list_waits_for_publication_and_the_measurement_does_not(
    forty: SparkSession, tmp_path: Path
) -> None:
    forty.conf.set("spark.wap.branch", "run_1")
    try:
        campaign(forty, SPEC, tmp_path)
        outcomes(forty, [(row.user_id, False) for row in targets(forty)])
        campaign_effect(forty, None)
    finally:
        forty.conf.unset("spark.wap.branch")
    assert targets(forty) == []
    assert forty.table("monitoring.campaign_effects").count() == 1
    forty.sql("drop table marts.fct_churn_labels purge")


def test_an_unknown_campaign_is_told_with_those_there_are(small: SparkSession) -> None:
    with pytest.raises(UnknownCampaign, match="there is no campaign autumn; there are small"):
        campaign_effect(small, "autumn")
    small.sql("drop table ml.campaign_targets purge")
    with pytest.raises(UnknownCampaign, match="none yet: run sparkhouse campaign"):
        campaign_effect(small, None)


def test_without_labels_the_warehouse_has_to_be_built_first(small: SparkSession) -> None:
    small.sql("drop table if exists marts.fct_churn_labels purge")
    with pytest.raises(MissingTable, match="fct_churn_labels is missing"):
        campaign_effect(small, "small")
