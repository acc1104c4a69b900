"""The charts of the predictions, and of what became of earlier ones, on rows made by hand."""

from __future__ import annotations

import re
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest  # type: ignore[import-untyped]

from models_ml.campaigns.arms import Arm, reduction_interval
from models_ml.evaluation.reliability import effective_rows, wilson_interval
from models_ml.reports.charts import past_predictions, predictions
from models_ml.reports.drawing import NothingToShow
from models_ml.reports.pages.predictions import PAGE
from models_ml.reports.panels import statement

if TYPE_CHECKING:
    from models_ml.reports.drawing import Drawing

NOW, BEFORE = date(2018, 11, 26), date(2018, 11, 19)
LABEL = "churned_in_time_bin"
# A value in the place of a whole column, or all of its values.
Changed: TypeAlias = "float | str | list[float] | None"


def said(drawing: Drawing) -> str:
    return re.sub(r"<[^>]*>", "", str(drawing.says))


def figure_of(drawing: Drawing) -> Any:  # noqa: ANN401 - plotly is untyped
    assert drawing.figure is not None
    return drawing.figure


def table_of(drawing: Drawing) -> pd.DataFrame:
    assert drawing.table is not None
    return drawing.table


def bins(**changed: Changed) -> pd.DataFrame:
    rows = pd.DataFrame(
        {
            "probability_from": [0.01, 0.015, 0.1],
            "user_count": [5, 3, 2],
            "called_count": [0, 0, 2],
            "probability_sum": [0.06, 0.05, 0.21],
        }
    )
    return rows.assign(as_of_date=NOW, model_version="v1-ab", threshold=0.1, horizon_days=14).assign(**changed)


def moves(pairs: list[tuple[float, float, int]], **changed: Changed) -> pd.DataFrame:
    rows = pd.DataFrame(pairs, columns=["decile_before", "decile_now", "user_count"])
    versions = {"version_before": "v1-ab", "version_now": "v1-ab"}
    return rows.assign(date_before=BEFORE, date_now=NOW, **versions).assign(**changed)


def users() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "as_of_date": NOW,
            "user_id": ["7", "12"],
            "churn_probability": [0.2, 0.1],
            "churn_probability_low": [0.1, None],
            "churn_probability_high": [0.4, None],
            "risk_decile": [1, 1],
            "level": ["paid", None],
            "state": ["CA", "NY"],
            "days_since_last_event": [0.5, 12.25],
            "reasons": ["on the level paid (more risk); last seen 1 day ago, usually 2.6 (less risk)", ""],
        }
    )


def groups() -> pd.DataFrame:
    levels = pd.DataFrame({"grouped_by": "level", "level": ["paid", None], "user_count": [30, 10]})
    states = pd.DataFrame({"grouped_by": "state", "state": ["ME", "CA", "NY", None], "user_count": [2, 8, 25, 5]})
    rows = pd.concat([levels, states], ignore_index=True)
    quantiles = pd.Series([[0.01, 0.02, 0.05, 0.1, 0.2]] * len(rows))
    means = [0.08, 0.04, 0.5, 0.1, 0.05, 0.046]
    return rows.assign(as_of_date=NOW, mean_probability=means, quantiles=quantiles, paid_count=rows.user_count // 2)


def reasons() -> pd.DataFrame:
    rows = pd.DataFrame(
        {
            "reason": [
                "last seen … day ago (more risk)",
                "on the level paid (more risk)",
                "last seen … days ago (more risk)",
                "last seen … days ago (less risk)",
            ],
            "tenth_count": [2, 8, 7, 0],
            "other_count": [1, 45, 8, 9],
        }
    )
    return rows.assign(as_of_date=NOW, tenth_total=10, other_total=90)


def campaigns(**changed: Changed) -> pd.DataFrame:
    counts = {"treatment_users": 60, "treatment_known": 60, "treatment_left": 6}
    counts |= {"control_users": 40, "control_known": 40, "control_left": 8}
    money = {"budget": 300.0, "offer_cost": 5.0, "save_rate": 0.3, "customer_value": 100.0}
    expected = {"expected_saved": 2.5, "expected_value": 120.0, "expected_value_low": -20.0}
    campaign = {"campaign_id": "winter", "as_of_date": NOW, "model_version": "v1-ab", "churn_rate": 0.15}
    rows = pd.DataFrame([campaign | counts | money | expected | {"expected_value_high": 400.0}])
    return rows.assign(created_at=datetime(2018, 11, 27, tzinfo=timezone.utc)).assign(**changed)


def snapshots() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "as_of_date": [BEFORE, NOW],
            "model_version": "v1-ab",
            "outcome_known_at": [date(2018, 12, 3), date(2018, 12, 10)],
            "user_count": [200, 100],
            "expected_count": [12.0, 30.0],
            "true_count": [10, 5],
            "called_count": [20, 10],
            "called_true_count": [4, 2],
        }
    )


def tenths(outcomes: pd.DataFrame) -> pd.DataFrame:
    """What the query answers of rows of tenth, user, probability and outcome."""
    each = outcomes.groupby(["risk_decile", "user_id"]).agg(
        row_count=("outcome", "size"), true_count=("outcome", "sum"), expected_count=("probability", "sum")
    )
    each = each.assign(
        row_square_sum=each.row_count**2,
        true_square_sum=each.true_count**2,
        product_sum=each.row_count * each.true_count,
        user_count=1,
    )
    return each.groupby("risk_decile").sum().reset_index()


def test_the_distribution_counts_all_users_and_those_at_the_threshold() -> None:
    drawing = predictions.risk_distribution(bins())
    assert "Of the 10 users of the snapshot of 2018-11-26, 2 (20.0%) reach the threshold of v1-ab, 10.0%" in said(
        drawing
    )
    assert "The mean risk is 3.2%: about 0 users are expected to leave within 14 days." in said(drawing)
    below, called = figure_of(drawing).data
    assert (sum(below.y), sum(called.y)) == (8, 2)
    assert figure_of(drawing).layout.shapes[0].x0 == 0.1


def test_bins_are_joined_until_there_are_few_enough() -> None:
    few, many = bins(), bins(probability_from=[0.01, 0.015, 0.7])
    assert figure_of(predictions.risk_distribution(few)).data[0].width == 0.005
    drawn = figure_of(predictions.risk_distribution(many)).data[0]
    assert (drawn.width, list(drawn.x), list(drawn.y)) == (0.02, [0, pytest.approx(0.7)], [8, 0])


def test_a_version_that_was_taken_away_has_no_threshold_to_draw() -> None:
    drawing = predictions.risk_distribution(bins(threshold=None, horizon_days=None))
    assert not figure_of(drawing).layout.shapes
    assert "the threshold of v1-ab, -." in said(drawing)


def test_moves_tell_who_came_to_the_top_who_is_new_and_who_is_gone() -> None:
    rows = moves([(1, 1, 6), (1, 2, 2), (3, 1, 2), (1, np.nan, 3), (5, np.nan, 1), (np.nan, 4, 2)])
    drawing = predictions.decile_moves(rows)
    assert "Of 10 users scored on 2018-11-19 and on 2018-11-26, 80% are in the same tenth or the next" in said(drawing)
    assert "2 have come into the tenth most at risk. 2 users are new, and 4 are gone" in said(drawing)
    assert "3 of them were in the tenth most at risk." in said(drawing)
    assert "the model" not in said(drawing)
    heat = figure_of(drawing).data[0]
    assert (heat.x[-1], heat.y[-1]) == ("gone", "new")
    assert heat.text[0][0] == "6"
    assert heat.z[0][0] == pytest.approx(6 / 11)
    assert np.isnan(heat.z[1][0])
    assert heat.text[1][0] == ""


def test_moves_between_two_versions_are_said_to_be_the_models_too() -> None:
    drawing = predictions.decile_moves(moves([(1, 1, 6)], version_now="v2-cd"))
    assert "v1-ab scored then, and v2-cd now: some of the movement is that of the model." in said(drawing)


def test_one_snapshot_shows_no_moves() -> None:
    with pytest.raises(NothingToShow, match="One snapshot was scored so far"):
        predictions.decile_moves(moves([(np.nan, 1, 6)], date_before=None, version_before=None))


def test_snapshots_without_a_common_user_show_no_moves() -> None:
    with pytest.raises(NothingToShow, match="No user is in both"):
        predictions.decile_moves(moves([(np.nan, 1, 6), (1, np.nan, 6)]))


def test_the_table_of_users_has_risk_interval_and_reasons() -> None:
    drawing = predictions.users_at_risk(users())
    assert drawing.figure is None
    assert "The 2 users most at risk as of 2018-11-26, from 20.0% down to 10.0%." in said(drawing)
    first, second = table_of(drawing).to_dict("records")
    assert (first["User"], first["Level"], first["Days since last event"]) == ("7", "paid", 0.5)
    assert re.sub(r"<[^>]*>", "", first["95 % interval"]) == "10.0% to 40.0%"
    assert re.sub(r"<[^>]*>", "", second["95 % interval"]) == "-"


def test_each_level_has_its_spread_and_its_mean() -> None:
    drawing = predictions.risk_by_level(groups())
    assert "the mean risk is 8.0% for the 30 users on paid; 4.0% for the 10 users on unknown." in said(drawing)
    box = figure_of(drawing).data[0]
    assert list(box.y) == ["paid", "unknown"]
    assert list(box.lowerfence) == [0.01, 0.01]
    assert list(box.mean) == [0.08, 0.04]


def test_states_of_few_users_have_no_colour() -> None:
    drawing = predictions.risk_by_state(groups())
    assert "Of 2 states with at least 5 users, the mean risk is highest in CA (10.0%, 8 users)" in said(drawing)
    assert "lowest in NY (5.0%, 25 users); of all users it is 8.2%" in said(drawing)
    tiles, names = figure_of(drawing).data
    colours = dict(zip(tiles.text, tiles.z, strict=True))
    assert colours["CA"] == 0.1
    assert "ME" in names.text
    assert "ME" not in tiles.text
    assert list(table_of(drawing)["State"]) == ["ME", "CA", "NY", "unknown"]


def test_without_a_state_of_some_users_there_is_no_map() -> None:
    rows = groups()
    with pytest.raises(NothingToShow, match="No state of the United States has 5 users"):
        predictions.risk_by_state(rows[rows.state != "CA"].assign(state="ME", user_count=4))


def test_reasons_that_differ_by_a_plural_are_one() -> None:
    drawing = predictions.reasons(reasons())
    assert "“last seen … days ago (more risk)”: 90% of them" in said(drawing)
    assert "10% of all others" in said(drawing)
    tenth, others, names = figure_of(drawing).data
    assert list(names.text) == ["▲ last seen … days ago", "▲ on the level paid"]
    assert list(tenth.x) == [0.9, 0.8]
    assert list(others.x) == [0.1, 0.5]
    assert table_of(drawing)["Users of the tenth"].tolist() == [9, 8, 0]


def test_without_reasons_in_the_tenth_there_is_nothing_to_count() -> None:
    with pytest.raises(NothingToShow, match="No reasons are kept"):
        predictions.reasons(reasons().assign(tenth_count=0))


def test_a_campaign_tells_its_offers_its_budget_and_its_expected_gain() -> None:
    drawing = past_predictions.campaigns(campaigns())
    assert "winter, has 60 offers for 300.00, of a budget of 300.00, and holds 40 users out" in said(drawing)
    assert "If an offer keeps 30% of those who would leave, as was assumed, 2.5 users stay, worth 120.00" in said(
        drawing
    )
    assert "(-20.00 to 400.00, were all risks at the ends of their intervals)" in said(drawing)
    offers, held_out, names = figure_of(drawing).data
    assert (list(offers.x), list(held_out.x), list(names.text)) == ([60], [40], ["winter"])


def test_a_campaign_of_predictions_without_intervals_has_none() -> None:
    drawing = past_predictions.campaigns(campaigns(expected_value_low=None, expected_value_high=None))
    assert "(no interval is known)" in said(drawing)


def test_the_effect_is_the_one_that_campaign_effect_measures() -> None:
    drawing = past_predictions.campaign_effects(campaigns())
    effect = reduction_interval(Arm(40, 40, 8), Arm(60, 60, 6))
    assert (
        "In the campaign winter, 6 of 60 users with an offer left, and 8 of 40 held out: lower by 10.0 points"
        in said(drawing)
    )
    assert f"95 % interval {100 * effect.low:.1f} to {100 * effect.high:.1f}" in said(drawing)
    assert "No effect can be told: each arm needs" in said(drawing)
    row = table_of(drawing).iloc[0]
    assert (row["Share kept, lower end"], row["Share kept, upper end"]) == (effect.low, effect.high)
    assert not row["Can be told from chance"]
    offered, held_out, _ = figure_of(drawing).data
    assert (list(offered.x), list(held_out.x)) == ([0.1], [0.2])
    wilson = binomtest(8, 40).proportion_ci(method="wilson")
    assert held_out.x[0] + held_out.error_x.array[0] == pytest.approx(wilson.high)


@pytest.mark.parametrize(
    ("treatment_left", "control_left", "verdict"),
    [(6, 30, "The offers kept users."), (50, 8, "The offers drove users away.")],
)
def test_an_effect_beyond_chance_is_told(treatment_left: int, control_left: int, verdict: str) -> None:
    drawing = past_predictions.campaign_effects(campaigns(treatment_left=treatment_left, control_left=control_left))
    assert said(drawing).endswith(verdict)


def test_few_users_who_are_held_out_tell_no_effect_whatever_the_interval() -> None:
    drawing = past_predictions.campaign_effects(campaigns(control_users=5, control_known=5, control_left=5))
    assert "No effect can be told" in said(drawing)


@pytest.mark.parametrize(
    ("changed", "lack"),
    [
        ({"control_users": 0, "control_known": 0, "control_left": 0}, "there is no user in control"),
        ({"treatment_users": 0, "treatment_known": 0, "treatment_left": 0}, "there is no offer"),
        ({"treatment_known": 6, "control_known": 8}, "known are only 14 of 100 users, those who left"),
        ({"control_known": 0, "control_left": 0}, "no outcome is known of one of the arms"),
    ],
)
def test_without_outcomes_of_both_arms_there_is_no_effect(changed: dict[str, int], lack: str) -> None:
    with pytest.raises(NothingToShow, match=f"Of the last campaign, winter: .*{lack}"):
        past_predictions.campaign_effects(campaigns(**changed))


def test_the_newest_campaign_with_outcomes_is_told_of() -> None:
    rows = pd.concat([campaigns(campaign_id="spring", treatment_known=6, control_known=8), campaigns()])
    drawing = past_predictions.campaign_effects(rows)
    assert said(drawing).startswith("In the campaign winter,")
    assert list(table_of(drawing)["Campaign"]) == ["winter"]


def test_a_snapshot_is_foretold_well_where_its_interval_holds_what_was_foretold() -> None:
    drawing = past_predictions.outcomes_by_snapshot(snapshots())
    wilson = binomtest(5, 100).proportion_ci(method="wilson")
    assert "Of the 100 users of the snapshot of 2018-11-26, 30.0 (30.0%) were foretold to leave, and 5 (5.0%" in said(
        drawing
    )
    assert f"95 % interval {wilson.low:.1%} to {wilson.high:.1%}" in said(drawing)
    assert "In 1 of 2 snapshots with known outcomes" in said(drawing)
    left, foretold = figure_of(drawing).data
    assert list(left.y) == [0.05, 0.05]
    assert list(foretold.y) == [0.06, 0.3]
    assert left.y[1] - left.error_y.arrayminus[1] == pytest.approx(wilson.low)


def test_tenths_allow_for_users_of_several_snapshots() -> None:
    rng = np.random.default_rng(1)
    names = rng.integers(40, size=200)
    outcomes = pd.DataFrame(
        {
            "risk_decile": np.repeat([1, 2], 100),
            "user_id": names,
            "probability": np.repeat([0.4, 0.1], 100),
            "outcome": (names % 4 == 0) & (rng.random(200) < 0.9),
        }
    )
    drawing = past_predictions.outcomes_by_decile(tenths(outcomes))
    first = outcomes[outcomes.risk_decile == 1]
    rows = effective_rows(first.user_id.to_numpy(), first.outcome.to_numpy(dtype=float))
    assert rows < 100
    share = first.outcome.mean()
    left, foretold = figure_of(drawing).data
    assert left.y[0] == share
    assert foretold.y[0] == pytest.approx(0.4)
    wilson = binomtest(round(share * 10_000), 10_000).proportion_ci(method="wilson")
    assert left.error_y.array[0] > wilson.high - share
    low, high = wilson_interval(share, rows)
    assert table_of(drawing).iloc[0]["Share, lower end"] == pytest.approx(low)
    assert table_of(drawing).iloc[0]["Share, upper end"] == pytest.approx(high)
    assert "Of 200 predictions with known outcomes, 40.0% of the tenth most at risk were foretold" in said(drawing)


@pytest.mark.parametrize("outcome", [False, True])
def test_tenths_whose_outcomes_all_agree_have_an_interval(outcome: bool) -> None:  # noqa: FBT001
    outcomes = pd.DataFrame({"risk_decile": 1, "user_id": ["a", "a", "b"], "probability": 0.1, "outcome": outcome})
    table = table_of(past_predictions.outcomes_by_decile(tenths(outcomes)))
    low, high = wilson_interval(float(outcome), 9 / 5)
    assert (table.iloc[0]["Share, lower end"], table.iloc[0]["Share, upper end"]) == pytest.approx((low, high))


def test_what_is_told_from_outcomes_says_so() -> None:
    looking_back = {panel.query for panel in PAGE.panels if panel.looks_back}
    assert {"predictions/outcomes_by_snapshot", "predictions/outcomes_by_decile"} <= looking_back


@pytest.mark.parametrize("query", sorted({panel.query for panel in PAGE.panels}))
def test_each_query_is_about_the_label(query: str) -> None:
    assert "{label}" not in statement(query, LABEL)
    assert LABEL in statement(query, LABEL)


@pytest.mark.parametrize("query", ["outcomes_by_snapshot", "outcomes_by_decile"])
def test_backtests_are_left_out(query: str) -> None:
    assert "o.origin = 'published'" in statement(f"predictions/{query}", LABEL)
