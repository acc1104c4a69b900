"""The chart of the notebooks' way to evaluate, beside the champion's test on later snapshots."""

from __future__ import annotations

from math import hypot
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from models_ml.reports.charts.intervals import error_bars, translucent
from models_ml.reports.charts.model import upright, words
from models_ml.reports.charts.model_trials import CHANCE, auc_interval
from models_ml.reports.drawing import BLUE, GREEN, GREY, ORANGE, PINK, Drawing, NothingToShow, figure
from models_ml.reports.text import day, number, sentence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markupsafe import Markup

LEAKING, WHOLE_LIVES, ONE_DATE = "with the leaking columns", "without the Cancel flow", "as of one date for all"
NOBODY, ALONE = "nobody churns", " alone"
# How a label of two or three lines stands beside the plot, on a phone, too.
LINES = {
    LEAKING: "with the<br>leaking<br>columns",
    WHOLE_LIVES: "without the<br>Cancel flow,<br>whole lives",
    ONE_DATE: "as of one<br>date for all",
}
BEST_COLUMN, CHAMPION = "best column alone", "champion"
MODELS = ("logistic_regression", "random_forest", "gradient_boosted_trees")
KINDS = dict(zip((*MODELS, BEST_COLUMN, CHAMPION), (ORANGE, GREEN, PINK, GREY, BLUE), strict=True))
METRICS = {"auc": "", "average_precision": "2"}
# How far dots of a variant stand apart, of the way to the next variant.
SPREAD = 0.27


def honest_and_retrospective(rows: pd.DataFrame) -> Drawing:
    """What the notebooks' way gives, beside the champion's test; `rows` are models of variants, and the champion."""
    champion, evaluated = _champion(rows), _evaluated(rows)
    says = sentence(
        "Tested on later snapshots, the champion has an AUC of {auc} (95 % interval {low} to {high}). The notebooks' "
        "way, rerun on {date}, splits users at random; the best of its models has {variants}. Average precision is to "
        "be read beside that of guessing, which is the share who churned.",
        auc=number(champion.auc, 3),
        low=number(champion.auc_low, 3),
        high=number(champion.auc_high, 3),
        date=day(evaluated.measured_at.iloc[0]),
        variants=sentence("; ").join(_variants(evaluated, champion)),
    )
    return Drawing(_figure(evaluated, champion), says, _table(evaluated, champion))


def _champion(rows: pd.DataFrame) -> pd.Series[Any]:
    champions = rows[rows.is_champion & rows.auc.notna()]
    if champions.empty:
        raise NothingToShow("There is no champion to set the notebooks' numbers against: `sparkhouse train`.")
    return champions.iloc[0]


def _evaluated(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of the notebooks' way, the variant that knows most first, with the intervals of their AUC."""
    evaluated = rows[~rows.is_champion & rows.variant.isin(LINES)]
    if evaluated.empty:
        raise NothingToShow("The notebooks' way was not evaluated yet: `sparkhouse evaluate --protocol retrospective`.")
    low, high = auc_interval(evaluated.auc, evaluated.churner_count, evaluated.row_count - evaluated.churner_count)
    place = evaluated.variant.map({name: place for place, name in enumerate(LINES)})
    return evaluated.assign(auc_low=low, auc_high=high, place=place).sort_values("place", kind="stable")


def _variants(evaluated: pd.DataFrame, champion: pd.Series[Any]) -> Iterator[Markup]:
    """What each variant gives at best, and where that comes from."""
    texts = {
        LEAKING: "{auc} with columns that count the pages of cancelling, {beside}",
        WHOLE_LIVES: "{auc} without these, on whole lives, which for a churner end at the cancellation, {beside}",
        ONE_DATE: "{auc} as of one date for all, {beside}",
    }
    of_models = evaluated[evaluated.model.isin(MODELS)]
    for variant, text in texts.items():
        of_variant = of_models[of_models.variant == variant]
        if of_variant.empty:
            yield sentence("{variant}, none: too few churned", variant=variant)
        else:
            best = of_variant.iloc[int(of_variant.auc.to_numpy().argmax())]
            yield sentence(text, auc=number(best.auc, 3), beside=_beside(best, champion))


def _beside(best: pd.Series[Any], champion: pd.Series[Any]) -> Markup:
    """How far two AUC lie apart, if that is beyond chance.

    Source of the interval of a difference: G. Zou and A. Donner (2008), Construction of confidence limits about effect
    measures, Statistics in Medicine 27, p. 1693-1702. It takes both samples for independent.
    """
    gap = best.auc - champion.auc
    lower, higher = (champion, best) if gap > 0 else (best, champion)
    if abs(gap) > hypot(higher.auc - higher.auc_low, lower.auc_high - lower.auc):
        return sentence("{gap} {way}", gap=number(abs(gap), 3), way="higher" if gap > 0 else "lower")
    return sentence("no difference beyond chance")


def _figure(evaluated: pd.DataFrame, champion: pd.Series[Any]) -> go.Figure:
    labels = [*(LINES[variant] for variant in evaluated.variant.unique()), "champion,<br>on later<br>snapshots"]
    heights: dict[str, Any] = {"tickvals": list(range(len(labels))), "ticktext": labels, "zeroline": False}
    heights |= {"range": [len(labels) - 0.5, -0.5], "automargin": True}
    shown = _shown(evaluated, champion)
    return figure(
        *(_dots(of_kind, str(kind), *metric) for metric in METRICS.items() for kind, of_kind in _kinds(shown)),
        _guessing(shown),
        height=200 + 2 * 84 * len(labels),
        grid={"rows": 2, "columns": 1, "pattern": "independent", "ygap": 0.26},
        xaxis=_shares("AUC, 95 % interval"),
        xaxis2=_shares("average precision"),
        yaxis=heights,
        yaxis2=heights,
        shapes=[upright(CHANCE, ""), _band(champion)],
    )


def _shares(title: str) -> dict[str, Any]:
    return {"range": [0, 1.04], "title": {"text": title, "standoff": 8}, "nticks": 6, "automargin": True}


def _shown(evaluated: pd.DataFrame, champion: pd.Series[Any]) -> pd.DataFrame:
    """The models with their kind and their height, the champion below all others."""
    place = evaluated.groupby("place").ngroup()
    kind = evaluated.model.where(evaluated.model.isin(MODELS), BEST_COLUMN)
    apart = dict(zip(KINDS, np.linspace(-SPREAD, SPREAD, len(KINDS) - 1), strict=False))
    models = evaluated.assign(kind=kind, height=place + kind.map(apart))
    below = pd.DataFrame([champion]).assign(kind=CHAMPION, height=float(place.max() + 1))
    return pd.concat([models[models.model != NOBODY], below], ignore_index=True)


def _kinds(shown: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    return ((kind, shown[shown.kind == kind]) for kind in KINDS if kind in set(shown.kind))


def _dots(of_kind: pd.DataFrame, kind: str, metric: str, axes: str) -> go.Scatter:
    value, low, high = (of_kind[f"{metric}{end}"].astype(float) for end in ("", "_low", "_high"))
    return go.Scatter(
        x=value,
        y=of_kind.height,
        name=words(kind),
        legendgroup=kind,
        showlegend=not axes,
        mode="markers",
        marker={"color": KINDS[kind], "size": 10},
        error_x=error_bars(value, low, high, color=KINDS[kind], thickness=1.5),
        customdata=[words(str(model)) for model in of_kind.model],
        hovertemplate="%{customdata}: %{x:.3f}<extra></extra>",
        xaxis=f"x{axes}",
        yaxis=f"y{axes}",
    )


def _guessing(shown: pd.DataFrame) -> go.Scatter:
    """A stroke a variant at its share of churners: that is the average precision of guessing."""
    each = shown.drop_duplicates("variant")
    return go.Scatter(
        x=each.churner_count / each.row_count,
        y=each.height.round(),
        name="guessing",
        mode="markers",
        marker={"symbol": "line-ns-open", "size": 44, "color": GREY, "line": {"width": 2}},
        hovertemplate="guessing: %{x:.3f}<extra></extra>",
        xaxis="x2",
        yaxis="y2",
    )


def _band(champion: pd.Series[Any]) -> dict[str, Any]:
    """The interval of the champion's AUC over the whole height of its plot."""
    ends = {"x0": champion.auc_low, "x1": champion.auc_high, "y0": 0, "y1": 1}
    look = {"type": "rect", "layer": "below", "line": {"width": 0}, "fillcolor": translucent(BLUE, 0.15)}
    return {"xref": "x", "yref": "y domain", **ends, **look}


def _table(evaluated: pd.DataFrame, champion: pd.Series[Any]) -> pd.DataFrame:
    rows = pd.concat([evaluated, pd.DataFrame([champion])], ignore_index=True)
    names = {"auc": "AUC", "average_precision": "Average precision", "weighted_f1": "Weighted F1"}
    names |= {"f1": "F1 of the churners", "accuracy": "Accuracy"}
    return pd.DataFrame(
        {
            "Variant": rows.variant,
            "Model": [words(str(model)) for model in rows.model],
            "Test rows": rows.row_count,
            "Churned": rows.churner_count,
            "Share churned": rows.churner_count / rows.row_count,
            **{title: [number(value, 3) for value in rows[name]] for name, title in names.items()},
        }
    )
