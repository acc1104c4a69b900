"""Charts of what became of earlier predictions: of the campaigns made of them, and of the outcomes they foretold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import plotly.graph_objects as go

from models_ml.campaigns.arms import Arm, is_open, obstacle_to, reduction_interval, users_needed
from models_ml.reports.charts.intervals import error_bars, wilson
from models_ml.reports.charts.named_rows import MARGIN, hidden_names, labels_above
from models_ml.reports.drawing import BLUE, GREY, ORANGE, SKY, Drawing, NothingToShow, figure
from models_ml.reports.text import day, number, percent, sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

CAMPAIGNS_SHOWN = 8
# So few snapshots are named one by one, and of so few the marks do not touch.
MOST_CATEGORIES, MOST_LARGE = 6, 12
OFFER, HELD_OUT = "with an offer", "held out"


def campaigns(rows: pd.DataFrame) -> Drawing:
    """What each campaign is planned to do; `rows` are campaigns, the newest first, in money as they were given it."""
    last = rows.iloc[0]
    says = sentence(
        "The last campaign, {campaign}, has {offers} offers for {spent}, of a budget of {budget}, and holds {control} "
        "users out to compare with. If an offer keeps {rate} of those who would leave, as was assumed, {saved} users "
        "stay, worth {gain} net of the offers ({interval}).",
        campaign=last.campaign_id,
        offers=number(last.treatment_users),
        spent=number(last.treatment_users * last.offer_cost, 2),
        budget=number(last.budget, 2),
        control=number(last.control_users),
        rate=percent(last.save_rate),
        saved=number(last.expected_saved, 1),
        gain=number(last.expected_value, 2),
        interval=_expected_interval(last),
    )
    shown = rows.head(CAMPAIGNS_SHOWN)
    places = list(range(len(shown)))
    drawn = figure(
        _people(places, shown.treatment_users, OFFER, BLUE),
        _people(places, shown.control_users, HELD_OUT, ORANGE),
        labels_above(list(shown.campaign_id)),
        height=_height(len(shown)),
        barmode="stack",
        xaxis={"title": "users on the list", "rangemode": "tozero"},
        yaxis=hidden_names(len(shown)),
        margin=MARGIN,
    )
    table = pd.DataFrame(
        {
            "Campaign": rows.campaign_id,
            "Snapshot": rows.as_of_date,
            "Offers": rows.treatment_users,
            "Held out": rows.control_users,
            "Budget": rows.budget,
            "Cost of the offers": rows.treatment_users * rows.offer_cost,
            "Expected to be kept": rows.expected_saved,
            "Expected gain": rows.expected_value,
            "Gain, lower end": rows.expected_value_low.astype(float),
            "Gain, upper end": rows.expected_value_high.astype(float),
            "Model": rows.model_version,
        }
    )
    return Drawing(drawn, says, table)


def campaign_effects(rows: pd.DataFrame) -> Drawing:
    """Who left with an offer and without, as `sparkhouse campaign-effect` counts them; `rows` are campaigns."""
    measured = [row for row in rows.itertuples() if obstacle_to(*_arms(row)) is None]
    if not measured:
        last = next(rows.itertuples())
        raise NothingToShow(f"Of the last campaign, {last.campaign_id}: {obstacle_to(*_arms(last))}.")
    shown = measured[:CAMPAIGNS_SHOWN]
    drawn = figure(
        _shares_of_arm(shown, 0, -0.08, OFFER, BLUE),
        _shares_of_arm(shown, 1, 0.16, HELD_OUT, ORANGE),
        labels_above([str(row.campaign_id) for row in shown]),
        height=_height(len(shown)),
        xaxis={"title": "share who left, with 95 % interval", "tickformat": ".0%", "rangemode": "tozero"},
        yaxis=hidden_names(len(shown)),
        margin=MARGIN,
    )
    return Drawing(drawn, _effect_in_words(shown[0]), pd.DataFrame([_effect_in_cells(row) for row in measured]))


def outcomes_by_snapshot(rows: pd.DataFrame) -> Drawing:
    """The share foretold and the share that left, by snapshot; `rows` are snapshots with known outcomes."""
    foretold, true = rows.expected_count / rows.user_count, rows.true_count / rows.user_count
    low, high = wilson(true, rows.user_count)
    within = int(foretold.between(low, high).sum())
    last = rows.iloc[-1]
    says = sentence(
        "Of the {users} users of the snapshot of {date}, {expected} ({foretold}) were foretold to leave, and {left} "
        "({true}, 95 % interval {low} to {high}) did. In {within} of {snapshots} snapshots with known outcomes, the "
        "interval holds what was foretold; neighbouring snapshots share users and days.",
        users=number(last.user_count),
        date=day(last.as_of_date),
        expected=number(last.expected_count, 1),
        foretold=percent(foretold.iloc[-1], 1),
        left=number(last.true_count),
        true=percent(true.iloc[-1], 1),
        low=percent(low.iloc[-1], 1),
        high=percent(high.iloc[-1], 1),
        within=number(within),
        snapshots=number(len(rows)),
    )
    dates = list(map(str, rows.as_of_date))
    drawn = figure(
        _observed(dates, true, low, high),
        _foretold(dates, foretold),
        xaxis={"title": "snapshot", "type": "category" if len(rows) <= MOST_CATEGORIES else "date"},
        yaxis={"title": "share of its users who left", "tickformat": ".0%", "rangemode": "tozero"},
    )
    table = pd.DataFrame(
        {
            "Snapshot": rows.as_of_date,
            "Model": rows.model_version,
            "Known from": rows.outcome_known_at,
            "Users": rows.user_count,
            "Foretold to leave": rows.expected_count,
            "Left": rows.true_count,
            "Share foretold": foretold,
            "Share left": true,
            "At or above the threshold": rows.called_count,
            "Of these left": rows.called_true_count,
        }
    )
    return Drawing(drawn, says, table)


def outcomes_by_decile(rows: pd.DataFrame) -> Drawing:
    """The share foretold and the share that left, by tenth of the risk; `rows` are tenths, over all snapshots."""
    foretold, true = rows.expected_count / rows.row_count, rows.true_count / rows.row_count
    counted = pd.Series([_effective_rows(row) for row in rows.itertuples()], index=rows.index)
    low, high = wilson(true, counted)
    within = int(foretold.between(low, high).sum())
    says = sentence(
        "Of {predictions} predictions with known outcomes, {foretold} of the tenth most at risk were foretold to "
        "leave, and {true} did (95 % interval {low} to {high}); of all, {foretold_of_all} and {true_of_all}. In "
        "{within} of {tenths} tenths the interval holds what was foretold. A user counts once in each snapshot; the "
        "intervals allow for it.",
        predictions=number(rows.row_count.sum()),
        foretold=percent(foretold.iloc[0], 1),
        true=percent(true.iloc[0], 1),
        low=percent(low.iloc[0], 1),
        high=percent(high.iloc[0], 1),
        foretold_of_all=percent(rows.expected_count.sum() / rows.row_count.sum(), 1),
        true_of_all=percent(rows.true_count.sum() / rows.row_count.sum(), 1),
        within=number(within),
        tenths=number(len(rows)),
    )
    drawn = figure(
        _observed(rows.risk_decile, true, low, high),
        _foretold(rows.risk_decile, foretold),
        xaxis={"title": "tenth by risk; 1 is most at risk", "dtick": 1},
        yaxis={"title": "share who left", "tickformat": ".0%", "rangemode": "tozero"},
    )
    table = pd.DataFrame(
        {
            "Tenth": rows.risk_decile,
            "Predictions": rows.row_count,
            "Different users": rows.user_count,
            "Foretold to leave": rows.expected_count,
            "Left": rows.true_count,
            "Share foretold": foretold,
            "Share left": true,
            "Share, lower end": low,
            "Share, upper end": high,
        }
    )
    return Drawing(drawn, says, table)


def _expected_interval(campaign: pd.Series[Any]) -> Markup:
    if pd.isna(campaign.expected_value_low) or pd.isna(campaign.expected_value_high):
        return sentence("no interval is known")
    return sentence(
        "{low} to {high}, were all risks at the ends of their intervals",
        low=number(campaign.expected_value_low, 2),
        high=number(campaign.expected_value_high, 2),
    )


def _arms(campaign: Any) -> tuple[Arm, Arm]:  # noqa: ANN401 - a row of pandas
    """Who gets the offer, and who is held out."""
    return (
        Arm(campaign.treatment_users, campaign.treatment_known, campaign.treatment_left),
        Arm(campaign.control_users, campaign.control_known, campaign.control_left),
    )


def _effect_in_words(campaign: Any) -> Markup:  # noqa: ANN401 - a row of pandas
    treatment, control = _arms(campaign)
    reduction = reduction_interval(control, treatment)
    said = sentence(
        "In the campaign {campaign}, {offered_left} of {offered} users with an offer left, and {control_left} of "
        "{control} held out: lower by {points} points with an offer (95 % interval {low} to {high}). ",
        campaign=campaign.campaign_id,
        offered_left=number(treatment.left),
        offered=number(treatment.known),
        control_left=number(control.left),
        control=number(control.known),
        points=number(100 * reduction.value, 1),
        low=number(100 * reduction.low, 1),
        high=number(100 * reduction.high, 1),
    )
    if is_open(treatment, control):
        return said + sentence(
            "No effect can be told: each arm needs {needed} users to show that an offer keeps {rate} of leavers.",
            needed=number(users_needed(campaign.churn_rate, campaign.save_rate)),
            rate=percent(campaign.save_rate),
        )
    return said + sentence("The offers kept users." if reduction.low > 0 else "The offers drove users away.")


def _effect_in_cells(campaign: Any) -> dict[str, Any]:  # noqa: ANN401 - a row of pandas
    treatment, control = _arms(campaign)
    reduction = reduction_interval(control, treatment)
    return {
        "Campaign": campaign.campaign_id,
        "Snapshot": campaign.as_of_date,
        "Offers, outcome known": treatment.known,
        "Left with an offer": treatment.left,
        "Share left with an offer": treatment.churn_rate,
        "Held out, outcome known": control.known,
        "Left of those held out": control.left,
        "Share left of those held out": control.churn_rate,
        "Share kept by the offer": reduction.value,
        "Share kept, lower end": reduction.low,
        "Share kept, upper end": reduction.high,
        "Can be told from chance": not is_open(treatment, control),
    }


def _people(places: Sequence[int], users: pd.Series[int], name: str, colour: str) -> go.Bar:
    return go.Bar(
        x=users,
        y=places,
        orientation="h",
        width=0.3,
        name=name,
        marker_color=colour,
        hovertemplate="%{x:,} users " + name + "<extra></extra>",
    )


def _height(campaigns: int) -> int:
    return 160 + 64 * campaigns


def _shares_of_arm(shown: Sequence[Any], place: int, shift: float, name: str, colour: str) -> go.Scatter:
    arms = [_arms(row)[place] for row in shown]
    shares = pd.Series([arm.left / arm.known for arm in arms])
    low, high = wilson(shares, pd.Series([arm.known for arm in arms]))
    return go.Scatter(
        x=shares,
        y=[row + shift for row in range(len(shown))],
        mode="markers",
        name=name,
        marker={"color": colour, "size": 10},
        error_x=error_bars(shares, low, high, color=colour, thickness=1.5),
        customdata=[f"{arm.left:,} of {arm.known:,}" for arm in arms],
        hovertemplate=name + ": %{x:.1%} (%{customdata} users)<extra></extra>",
    )


def _observed(
    at: Sequence[str] | pd.Series[int], shares: pd.Series[float], low: pd.Series[float], high: pd.Series[float]
) -> go.Bar:
    return go.Bar(
        x=at,
        y=shares,
        name="left, with the 95 % interval",
        marker_color=SKY,
        error_y=error_bars(shares, low, high, color=GREY, thickness=1.5),
        hovertemplate="%{y:.1%} left<extra></extra>",
    )


def _foretold(at: Sequence[str] | pd.Series[int], shares: pd.Series[float]) -> go.Scatter:
    return go.Scatter(
        x=at,
        y=shares,
        mode="markers",
        name="foretold",
        marker={"color": ORANGE, "size": 11 if len(at) <= MOST_LARGE else 6, "symbol": "diamond"},
        hovertemplate="%{y:.1%} foretold<extra></extra>",
    )


def _effective_rows(tenth: Any) -> float:  # noqa: ANN401 - a row of pandas
    """How many independent rows tell as much as these of several snapshots of a user.

    It is models_ml.evaluation.reliability.effective_rows, which gives the sources, out of sums over users.
    """
    rows, true, users = tenth.row_count, tenth.true_count, tenth.user_count
    if true in {0, rows} or users == 1:
        return float(rows**2 / tenth.row_square_sum)
    share = true / rows
    residuals = tenth.true_square_sum - 2 * share * tenth.product_sum + share**2 * tenth.row_square_sum
    return float(rows / max(1.0, residuals * users / (users - 1) / (rows * share * (1 - share))))
