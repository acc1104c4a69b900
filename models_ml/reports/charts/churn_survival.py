"""How long members stay: survival by tenure, and whether groups of them differ in it, with delayed entry."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from scipy.stats import chi2  # type: ignore[import-untyped]

from models_ml.reports.charts.churn import chance
from models_ml.reports.charts.intervals import translucent
from models_ml.reports.drawing import COLOURS, Drawing, NothingToShow, figure
from models_ml.reports.text import number, percent, sentence

if TYPE_CHECKING:
    from markupsafe import Markup
    from numpy.typing import NDArray

# Curves begin and end where so many are at risk: with fewer, one cancellation bends all that follows.
LEAST_AT_RISK = 10
# A group with fewer memberships has no curve: it would only cut short what can be compared.
LEAST_MEMBERSHIPS = 20
# More curves than that nobody reads.
MOST_GROUPS = 8
BAND_OPACITY = 0.15


class LogRank(NamedTuple):
    """The result of a log-rank test."""

    statistic: float
    degrees: int
    p: float


def survival_by_level(rows: pd.DataFrame) -> Drawing:
    """Survival by level at entry; `rows` are groups and days of tenure."""
    return _survival(rows, "level", starts_together=True)


def survival_by_device(rows: pd.DataFrame) -> Drawing:
    """Survival by device; `rows` are groups and days of tenure."""
    return _survival(rows, "device", starts_together=True)


def survival_by_gender(rows: pd.DataFrame) -> Drawing:
    """Survival by gender; `rows` are groups and days of tenure."""
    return _survival(rows, "gender", starts_together=True)


def survival_by_month(rows: pd.DataFrame) -> Drawing:
    """Survival by month of registration; `rows` are groups and days of tenure."""
    return _survival(rows, "registration month", starts_together=False)


def log_rank(at_risk: NDArray[np.float64], cancelled: NDArray[np.float64]) -> LogRank:
    """Test whether groups (columns) have one hazard, from how many are at risk and lost on each day (rows).

    Right under delayed entry, too, as each day compares those under observation on it: Klein and Moeschberger (2003),
    Survival Analysis, 2nd edition, section 7.3, with weight 1. Groups that never meet are not compared.
    """
    here, lost = at_risk.sum(axis=1), cancelled.sum(axis=1)
    meets = (here > 1) & (lost > 0)
    shares = at_risk[meets] / here[meets, None]
    here, lost = here[meets], lost[meets]
    surplus = (cancelled[meets] - lost[:, None] * shares).sum(axis=0)
    spread = lost * (here - lost) / (here - 1)
    variance = np.diag(spread @ shares) - (shares * spread[:, None]).T @ shares
    degrees = int(np.linalg.matrix_rank(variance, hermitian=True)) if len(here) else 0
    if not degrees:
        return LogRank(0.0, 0, 1.0)
    statistic = float(surplus @ np.linalg.pinv(variance, hermitian=True) @ surplus)
    return LogRank(statistic, degrees, float(chi2.sf(statistic, degrees)))


def product_limit(days: pd.DataFrame) -> pd.DataFrame:
    """The share that stays beyond each of the days, with 95 % limits; `days` are in order, with somebody at risk.

    The estimate is that of Kaplan and Meier, its limits are Greenwood's on the scale log(-log), both by lifelines. Each
    stretch from one day to the next is a row of its own (Andersen and Gill 1982), so nobody's whole life is needed:
    those at risk come in after the day before, and leave on the day.
    """
    from lifelines import KaplanMeierFitter

    day, at_risk, lost = (days[name].to_numpy(float) for name in ("tenure_day", "at_risk", "cancelled"))
    before = np.append(day[0] - 1, day[:-1])
    weights = np.concatenate([lost, at_risk - lost])
    some = weights > 0
    fitted = KaplanMeierFitter().fit(
        np.tile(day, 2)[some],
        np.repeat([True, False], len(day))[some],
        entry=np.tile(before, 2)[some],
        weights=weights[some].astype(int),
    )
    curve = pd.DataFrame(fitted.survival_function_).join(fitted.confidence_interval_).loc[day]
    return curve.set_axis(["survival", "lower", "upper"], axis=1).rename_axis("tenure_day").reset_index()


def risk_sets(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """How many of each group (columns) are at risk on each day of tenure (rows), and how many cancel on it.

    Whoever comes under observation or ends on a day is at risk on it.
    """
    entered, ended, cancelled = (
        rows.pivot_table(index="tenure_day", columns="member_group", values=name, aggfunc="sum", fill_value=0)
        for name in ("entered_count", "ended_count", "cancelled_count")
    )
    return entered.cumsum() - ended.cumsum() + ended, cancelled


def _survival(rows: pd.DataFrame, dimension: str, *, starts_together: bool) -> Drawing:
    """The curves of one dimension: from one day on where that compares them, else each from where ten are at risk."""
    here = rows[rows.dimension == dimension]
    members = here.groupby("member_group").entered_count.sum().sort_values(ascending=False)
    at_risk, cancelled = risk_sets(here)
    has_curve = (members >= LEAST_MEMBERSHIPS) & (at_risk.max() >= LEAST_AT_RISK)
    groups = sorted(members[has_curve].head(MOST_GROUPS).index)
    if not groups or not cancelled[groups].to_numpy().any():
        raise NothingToShow(
            f"No {dimension} has {LEAST_MEMBERSHIPS} memberships, {LEAST_AT_RISK} of them at risk at one time and one "
            "cancelled: that takes a longer log."
        )
    starts = (at_risk[groups] >= LEAST_AT_RISK).idxmax()
    together = int(starts.max()) if starts_together else None
    firsts = starts if together is None else starts.clip(lower=together)
    curves = {group: _curve(at_risk[group], cancelled[group], int(firsts[group])) for group in groups}
    test = log_rank(at_risk[groups].to_numpy(float), cancelled[groups].to_numpy(float))
    traces = [
        trace
        for (group, curve), colour in zip(curves.items(), COLOURS, strict=False)
        for trace in _traces(str(group), curve, colour)
    ]
    drawn = figure(
        *traces,
        height=380,
        xaxis={"title": "days since the registration"},
        yaxis={"title": "still members", "tickformat": ".0%", "range": [0, 1.02]},
        hovermode="x unified",
    )
    return Drawing(drawn, _says(curves, together, test, dimension), _table(members, cancelled, curves, dimension))


def _curve(at_risk: pd.Series[int], cancelled: pd.Series[int], first: int) -> pd.DataFrame:
    """The steps of a curve from its first day, where all are members, to the last on which ten are at risk."""
    last = max(int(at_risk.index[at_risk >= LEAST_AT_RISK].max()), first)
    days = pd.DataFrame({"at_risk": at_risk, "cancelled": cancelled})
    shown = days[(days.index >= first) & (days.index <= last) & (days.cancelled > 0)].reset_index()
    start = pd.DataFrame({"tenure_day": [first], "survival": [1.0], "lower": [1.0], "upper": [1.0]})
    steps = pd.concat([start, product_limit(shown)]) if len(shown) else start
    return pd.concat([steps, steps.tail(1).assign(tenure_day=last)], ignore_index=True)


def _traces(group: str, curve: pd.DataFrame, colour: str) -> list[go.Scatter]:
    step = {"x": curve.tenure_day, "legendgroup": group, "mode": "lines", "line": {"shape": "hv", "width": 0}}
    return [
        go.Scatter(**step, y=curve.upper, showlegend=False, hoverinfo="skip"),
        go.Scatter(
            **step,
            y=curve.lower,
            showlegend=False,
            hoverinfo="skip",
            fill="tonexty",
            fillcolor=translucent(colour, BAND_OPACITY),
        ),
        go.Scatter(
            **{**step, "line": {"shape": "hv", "width": 2.5, "color": colour}},
            y=curve.survival,
            name=group,
            customdata=curve[["lower", "upper"]],
            hovertemplate="%{y:.0%} (%{customdata[0]:.0%} to %{customdata[1]:.0%})",
        ),
    ]


def _says(curves: dict[str, pd.DataFrame], together: int | None, test: LogRank, dimension: str) -> Markup:
    ends = sentence(", ").join(
        sentence(
            "{share} beyond day {day} ({group})",
            share=percent(curve.survival.iloc[-1]),
            day=number(curve.tenure_day.iloc[-1]),
            group=group,
        )
        for group, curve in curves.items()
    )
    begins = (
        sentence("at the start of each curve") if together is None else sentence("on day {day}", day=number(together))
    )
    return sentence(
        "Of those who are members {begins}, stay: {ends}. {verdict} Bands are 95 % intervals; curves run where ten "
        "are at risk.",
        begins=begins,
        ends=ends,
        verdict=_verdict(test, dimension),
    )


def _verdict(test: LogRank, dimension: str) -> Markup:
    if not test.degrees:
        return sentence("No two groups are under observation at one tenure, so nothing is compared.")
    return sentence(
        "Were the groups by {dimension} alike, chance would set them apart as much in {p} of such logs (log-rank test "
        "with delayed entry: chi-square {statistic}, degrees of freedom {degrees}).",
        dimension=dimension,
        p=chance(test.p),
        statistic=number(test.statistic, 1),
        degrees=number(test.degrees),
    )


def _table(
    members: pd.Series[int], cancelled: pd.DataFrame, curves: dict[str, pd.DataFrame], dimension: str
) -> pd.DataFrame:
    """All groups, those without a curve, too."""
    return pd.DataFrame(
        [
            {
                dimension.capitalize(): group,
                "Memberships": count,
                "Cancelled": int(cancelled[group].sum()),
                **_ends(curves.get(str(group))),
            }
            for group, count in members.items()
        ]
    )


def _ends(curve: pd.DataFrame | None) -> dict[str, float | None]:
    if curve is None:
        return dict.fromkeys(("From day", "Until day", "Share still members", "Share at least", "Share at most"))
    first, last = curve.iloc[0], curve.iloc[-1]
    return {
        "From day": float(first.tenure_day),
        "Until day": float(last.tenure_day),
        "Share still members": float(last.survival),
        "Share at least": float(last.lower),
        "Share at most": float(last.upper),
    }
