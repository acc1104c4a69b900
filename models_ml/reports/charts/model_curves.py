"""Curves of the champion on its test rows; `rows` are probabilities, to three digits, the lowest first.

Each has how many test rows got it, and how many of these had the outcome. Metrics are those that the training measured
on the unrounded probabilities, with their intervals: none is computed anew here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import plotly.graph_objects as go

from models_ml.campaigns.spec import CampaignSpec
from models_ml.evaluation.weighted_metrics import CALIBRATION_BINS, TOP_PERCENTS
from models_ml.reports.charts.intervals import band, error_bars, translucent, wilson
from models_ml.reports.charts.model import DASHED, upright, with_interval
from models_ml.reports.drawing import BLUE, GREEN, ORANGE, Drawing, NothingToShow, figure
from models_ml.reports.text import number, percent, sentence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from markupsafe import Markup

# What `sparkhouse campaign` takes where nothing else is said.
OFFER_COST, SAVE_RATE = CampaignSpec.offer_cost, CampaignSpec.save_rate
CUSTOMER_VALUE = CampaignSpec.customer_value
# Of fewer rows, lift is chance.
LEAST_SHARE = 0.02
# As offers to all lose more than the best offers gain, so many times the gain is shown of it.
LOSSES_SHOWN = 3
# What calling down to a probability brings is so for all recalls since the one before, and for all thresholds down to
# the next probability.
BACKWARD, FORWARD = "vh", "hv"
PALE_BLUE, INTERVAL = translucent(BLUE, 0.2), "95 % interval"


def roc(rows: pd.DataFrame) -> Drawing:
    """The share of churners found against the share of the others called with them."""
    ranked, metrics = _from_the_top(rows), rows.metrics.iloc[0]
    at = _last_before(ranked, ranked.false_alarms <= 0.1)  # noqa: PLR2004 - a tenth
    says = sentence(
        "AUC is {auc}; guessing has 0.5. As long as at most a tenth of the other test rows are called, {found} "
        "of the churners are found.",
        auc=with_interval(metrics, "auc"),
        found=percent(at.recall),
    )
    drawn = figure(
        _champion(ranked.false_alarms, ranked.recall, ranked),
        _guessing([0, 1], [0, 1]),
        xaxis={"range": [0, 1.03], "tickformat": ".0%", "title": "share of the others called"},
        yaxis={"range": [0, 1.03], "tickformat": ".0%", "title": "share of the churners found"},
    )
    return Drawing(drawn, says, _table(ranked))


def precision_recall(rows: pd.DataFrame) -> Drawing:
    """Precision against recall, with the base rate."""
    ranked, metrics = _from_the_top(rows), rows.metrics.iloc[0]
    steps = _steps(ranked)
    base_rate = ranked.hits.iloc[-1] / ranked.called.iloc[-1]
    says = sentence(
        "Average precision is {precision}; guessing gets the base rate of the test rows, {base}. At its threshold the "
        "champion finds {recall} of the churners, and {right} of those it calls are churners.",
        precision=with_interval(metrics, "average_precision"),
        base=number(base_rate, 3),
        recall=_percent_with_interval(metrics, "recall"),
        right=_percent_with_interval(metrics, "precision"),
    )
    drawn = figure(
        *band(steps.recall, (steps.precision_low, steps.precision_high), PALE_BLUE, INTERVAL, BACKWARD),
        _champion(steps.recall, steps.precision, steps, BACKWARD),
        _guessing([0, 1], [base_rate, base_rate], "base rate"),
        xaxis={"range": [0, 1.03], "tickformat": ".0%", "title": "recall"},
        yaxis={"range": [0, 1.03], "tickformat": ".0%", "title": "precision"},
    )
    return Drawing(drawn, says, _table(ranked))


def calibration(rows: pd.DataFrame) -> Drawing:
    """Mean prediction against observed rate, in up to ten bins of about equally many rows."""
    bins, metrics = _bins(rows), rows.metrics.iloc[0]
    top = bins.iloc[-1]
    says = sentence(
        "The mean distance of prediction and observed rate is {error}. Of the {rows} test rows with the highest "
        "probabilities, {foretold} were to be expected to have the outcome, and {came} had it (95 % interval {low} to "
        "{high}). Intervals count a user once, however many rows they have.",
        error=_percent_with_interval(metrics, "calibration_error", 1),
        rows=number(top.row_count),
        foretold=percent(top.prediction, 1),
        came=percent(top.rate, 1),
        low=percent(top.low, 1),
        high=percent(top.high, 1),
    )
    end = 1.05 * max(bins.high.max(), bins.prediction.max())
    drawn = figure(
        go.Scatter(
            x=bins.prediction,
            y=bins.rate,
            mode="markers",
            marker={"color": BLUE, "size": 9},
            name="tenths of the test rows, 95 % interval",
            error_y=error_bars(bins.rate, bins.low, bins.high, color=BLUE),
        ),
        _guessing([0, end], [0, end], "foretold exactly"),
        height=480,
        xaxis={"range": [0, end], "tickformat": ".0%", "title": "mean probability"},
        yaxis={"range": [0, end], "tickformat": ".0%", "title": "share that had the outcome"},
    )
    table = bins[["row_count", "prediction", "rate", "low", "high"]].rename(
        columns={
            "row_count": "Test rows",
            "prediction": "Share foretold",
            "rate": "Share observed",
            "low": "Share observed, 95 % from",
            "high": "Share observed, 95 % to",
        }
    )
    return Drawing(drawn, says, table)


def gain(rows: pd.DataFrame) -> Drawing:
    """The share of churners found by the share of rows called, those most at risk first."""
    ranked, metrics = _from_the_top(rows), rows.metrics.iloc[0]
    base_rate = ranked.hits.iloc[-1] / ranked.called.iloc[-1]
    says = sentence(
        "The tenth of the test rows most at risk holds {tenth} of the churners, and the fifth holds {fifth}; guessing "
        "finds {tenth_by_chance} and {fifth_by_chance}.",
        tenth=_percent_with_interval(metrics, "capture_top_10"),
        fifth=_percent_with_interval(metrics, "capture_top_20"),
        tenth_by_chance=percent(0.1),
        fifth_by_chance=percent(0.2),
    )
    drawn = figure(
        _champion(ranked.share, ranked.recall, ranked),
        _measured(metrics, "capture", "as measured, 95 % interval"),
        _guessing([0, base_rate, 1], [0, 1, 1], "best possible", dash="dot"),
        _guessing([0, 1], [0, 1]),
        xaxis={"range": [0, 1.03], "tickformat": ".0%", "title": "share of the test rows called"},
        yaxis={"range": [0, 1.03], "tickformat": ".0%", "title": "share of the churners found"},
    )
    return Drawing(drawn, says, _table(ranked))


def lift(rows: pd.DataFrame) -> Drawing:
    """The churn rate among those most at risk over the base rate, by the share of rows called."""
    ranked, metrics = _from_the_top(rows), rows.metrics.iloc[0]
    shown = ranked[ranked.share >= LEAST_SHARE]
    says = sentence(
        "In the tenth of the test rows most at risk, the churn rate is {tenth} times the base rate. Less than {least} "
        "of the rows are not shown: of so few, the rate is chance.",
        tenth=with_interval(metrics, "lift_top_10", 2),
        least=percent(LEAST_SHARE),
    )
    drawn = figure(
        _champion(shown.share, shown.recall / shown.share, shown),
        _measured(metrics, "lift", "as measured, 95 % interval"),
        _guessing([0, 1], [1, 1]),
        xaxis={"range": [0, 1.03], "tickformat": ".0%", "title": "share of the test rows called"},
        yaxis={"rangemode": "tozero", "title": "times the base rate"},
    )
    return Drawing(drawn, says, _table(ranked))


def threshold(rows: pd.DataFrame) -> Drawing:
    """Precision, recall and F1 by the threshold."""
    ranked, metrics, chosen = _from_the_top(rows).iloc[1:], rows.metrics.iloc[0], float(rows.threshold.iloc[0])
    says = sentence(
        "The threshold is {threshold} (dashed), the best for F1 on the training rows; on the test rows it brings an F1 "
        "of {f1}, a precision of {precision} and a recall of {recall}.",
        threshold=percent(chosen, 1),
        f1=with_interval(metrics, "f1"),
        precision=_percent_with_interval(metrics, "precision"),
        recall=_percent_with_interval(metrics, "recall"),
    )
    drawn = figure(
        _line(ranked.threshold, ranked.precision, "precision", BLUE, FORWARD),
        _line(ranked.threshold, ranked.recall, "recall", ORANGE, FORWARD),
        _line(ranked.threshold, ranked.f1, "F1", GREEN, FORWARD),
        xaxis={"rangemode": "tozero", "tickformat": ".0%", "title": "threshold"},
        yaxis={"range": [0, 1.03], "tickformat": ".0%"},
        shapes=[upright(chosen, "")],
    )
    return Drawing(drawn, says, _table(ranked))


def expected_value(rows: pd.DataFrame) -> Drawing:
    """What offers to all rows at or above a threshold would have brought, by that threshold."""
    ranked = _from_the_top(rows).iloc[1:]
    worth = _worth(ranked)
    break_even = OFFER_COST / (SAVE_RATE * CUSTOMER_VALUE)
    called = ranked[ranked.threshold > break_even]
    peak = max(worth.high.max(), OFFER_COST)
    floor = -LOSSES_SHOWN * peak
    says = sentence(
        "Were an offer of {cost} to keep {saved} of those who would leave, each worth {worth} (the defaults of "
        "<code>sparkhouse campaign</code>), it would pay above a probability of {even} (dashed). {outcome}{cut}",
        cost=number(OFFER_COST),
        saved=percent(SAVE_RATE),
        worth=number(CUSTOMER_VALUE),
        even=percent(break_even, 1),
        outcome=_outcome(worth.loc[called.index], called, ranked.called.iloc[-1]),
        cut=" Greater losses are below the chart." if worth.value.min() < floor else "",
    )
    drawn = figure(
        *band(ranked.threshold, (worth.low, worth.high), PALE_BLUE, INTERVAL, FORWARD),
        _line(ranked.threshold, worth.value, "expected value", BLUE, FORWARD),
        xaxis={"rangemode": "tozero", "tickformat": ".0%", "title": "threshold"},
        yaxis={
            "title": "expected value",
            "range": [max(floor, 1.1 * worth.low.min()), 1.1 * peak],
            "zeroline": True,
            "zerolinewidth": 2,
        },
        shapes=[upright(break_even, "")],
    )
    table = pd.DataFrame(
        {
            "Threshold share": ranked.threshold,
            "Offers": ranked.called,
            "Churners among them": ranked.hits,
            "Value": worth.value,
            "Value, 95 % from": worth.low,
            "Value, 95 % to": worth.high,
        }
    )
    return Drawing(drawn, says, table)


def _from_the_top(rows: pd.DataFrame) -> pd.DataFrame:
    """What calling all rows at or above each probability brings, the highest first; the first row calls none.

    The ends of precision are of 95 %, for as many rows as if all of a user always agreed, the most that they can depend
    on one another. Source: L. Kish (1965), Survey Sampling, section 5.4, at roh = 1 and the mean of rows a user.
    """
    ordered = rows.sort_values("churn_probability", ascending=False)
    called, hits = (pd.Series([0, *ordered[name].cumsum()]) for name in ("row_count", "positive_count"))
    all_rows, all_hits = int(called.iloc[-1]), int(hits.iloc[-1])
    if all_hits in {0, all_rows}:
        raise NothingToShow("All test rows had the same outcome: `sparkhouse train` on a longer log tests on more.")
    precision = hits / called.where(called > 0)
    low, high = wilson(precision, called * _independent(rows))
    return pd.DataFrame(
        {
            "threshold": [None, *ordered.churn_probability],
            "called": called,
            "hits": hits,
            "share": called / all_rows,
            "precision": precision,
            "precision_low": low,
            "precision_high": high,
            "recall": hits / all_hits,
            "false_alarms": (called - hits) / (all_rows - all_hits),
            "f1": 2 * hits / (called + all_hits),
        }
    )


def _steps(ranked: pd.DataFrame) -> pd.DataFrame:
    """The rows at which recall grows, whose precisions make the average; the first holds from a recall of 0 on."""
    steps = ranked[ranked.hits.diff() > 0]
    return pd.concat([steps.head(1).assign(recall=0.0), steps], ignore_index=True)


def _independent(rows: pd.DataFrame) -> float:
    """Users a test row: how many rows each counts for, where a user's rows tell the same."""
    return float(rows.test_users.iloc[0] / rows.test_rows.iloc[0])


def _bins(rows: pd.DataFrame) -> pd.DataFrame:
    """Bins as models_ml.evaluation.reliability has them: rows of one probability go by their middle rank."""
    ordered = rows.sort_values("churn_probability")
    middles = ordered.row_count.cumsum() - ordered.row_count / 2
    bin_of = (middles * CALIBRATION_BINS / ordered.row_count.sum()).astype(int)
    foretold = (ordered.churn_probability * ordered.row_count).groupby(bin_of).sum()
    bins = ordered.groupby(bin_of)[["row_count", "positive_count"]].sum()
    rate = bins.positive_count / bins.row_count
    low, high = wilson(rate, bins.row_count * _independent(rows))
    return bins.assign(prediction=foretold / bins.row_count, rate=rate, low=low, high=high)


def _last_before(ranked: pd.DataFrame, is_before: pd.Series[bool]) -> pd.Series[Any]:
    return ranked[is_before].iloc[-1]


def _worth(ranked: pd.DataFrame) -> pd.DataFrame:
    """The value of offers to all rows called, less their cost, with the ends of the interval of the precision."""
    columns = {"value": "precision", "low": "precision_low", "high": "precision_high"}
    saved = SAVE_RATE * CUSTOMER_VALUE
    return pd.DataFrame({name: ranked.called * (ranked[of] * saved - OFFER_COST) for name, of in columns.items()})


def _outcome(worth: pd.DataFrame, called: pd.DataFrame, rows: int) -> Markup:
    """What the offers that pay by the champion's probabilities would have brought."""
    if called.empty:
        return sentence("No test row has so high a probability, so by the champion no offer pays.")
    last = worth.iloc[-1]
    return sentence(
        "Offers to the {offers} of {rows} test rows above it would have come to {value}, their cost taken off (95 % "
        "interval {low} to {high}).",
        offers=number(called.called.iloc[-1]),
        rows=number(rows),
        value=number(last.value),
        low=number(last.low),
        high=number(last.high),
    )


def _percent_with_interval(metrics: Mapping[str, float], name: str, digits: int = 0) -> Markup:
    value, low, high = (percent(metrics.get(f"test_{name}{end}"), digits) for end in ("", "_low", "_high"))
    return sentence("{value} (95 % interval {low} to {high})", value=value, low=low, high=high)


def _line(x: pd.Series[float], y: pd.Series[float], name: str, colour: str, shape: str = "linear") -> go.Scatter:
    return go.Scatter(x=x, y=y, name=name, mode="lines", line={"color": colour, "width": 2.5, "shape": shape})


def _champion(x: pd.Series[float], y: pd.Series[float], ranked: pd.DataFrame, shape: str = "linear") -> go.Scatter:
    """The line of the champion, which tells from what probability on rows are called."""
    line = _line(x, y, "champion", BLUE, shape)
    return line.update(
        customdata=ranked.threshold, hovertemplate="%{x}, %{y}: from a probability of %{customdata:.1%} on"
    )


def _guessing(x: Sequence[float], y: Sequence[float], name: str = "guessing", dash: str = "dash") -> go.Scatter:
    return go.Scatter(x=x, y=y, name=name, mode="lines", line=DASHED | {"dash": dash}, hoverinfo="skip")


def _measured(metrics: Mapping[str, float], name: str, title: str) -> go.Scatter:
    """A metric of the top so and so many per cent, as the training measured it."""
    kept = [k for k in TOP_PERCENTS if f"test_{name}_top_{k}" in metrics]
    value, low, high = (
        pd.Series([metrics[f"test_{name}_top_{k}{end}"] for k in kept], dtype=float) for end in ("", "_low", "_high")
    )
    return go.Scatter(
        x=[k / 100 for k in kept],
        y=value,
        name=title,
        mode="markers",
        marker={"color": ORANGE, "size": 9},
        error_y=error_bars(value, low, high, color=ORANGE),
    )


def _table(ranked: pd.DataFrame) -> pd.DataFrame:
    """What calling all rows at or above each probability brings."""
    called = ranked[ranked.called > 0]
    return pd.DataFrame(
        {
            "Threshold share": called.threshold.astype(float),
            "Rows called": called.called,
            "Churners among them": called.hits,
            "Precision share": called.precision,
            "Recall share": called.recall,
            "F1": called.f1,
        }
    )
