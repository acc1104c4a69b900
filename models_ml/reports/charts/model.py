"""Charts of the champion: how good it is and how sure that is, what it was compared with, and what it goes by."""

from __future__ import annotations

from collections.abc import Sized
from typing import TYPE_CHECKING, Any

import pandas as pd
import plotly.graph_objects as go

from models_ml.reports.charts.intervals import error_bars
from models_ml.reports.charts.small_plots import axes_at, small_plots
from models_ml.reports.drawing import BLUE, GREY, ORANGE, Drawing, NothingToShow, figure
from models_ml.reports.metric_texts import METRIC_TEXTS
from models_ml.reports.text import day, number, percent, sentence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from markupsafe import Markup

BASELINES = ("best_single_feature", "no_skill")
# How many inputs are shown, and the effects of how many.
INPUTS, EFFECTS = 20, 8
# How far the name of an input stands above its dot, of the way to the next.
NAME_ABOVE = 0.45
DASHED = {"color": GREY, "width": 1, "dash": "dash"}


def metric_card(rows: pd.DataFrame) -> Drawing:
    """Every metric with its interval and its meaning; the one row is the champion."""
    champion = rows.iloc[0]
    metrics = champion.metrics
    says = sentence(
        "{version}, a {algorithm}, was trained on {train} rows and tested on {test} later ones, of {users} users from "
        "{first} to {last}; {positives} had the outcome. Its average precision is {precision}, where guessing gets "
        "{base}, and its AUC is {auc}.",
        version=champion.model_version,
        algorithm=words(champion.algorithm),
        train=number(champion.train_rows),
        test=number(champion.test_rows),
        users=number(champion.test_users),
        first=day(champion.test_from),
        last=day(champion.test_to),
        positives=number(champion.test_positives),
        precision=with_interval(metrics, "average_precision"),
        base=number(champion.test_positives / champion.test_rows, 3),
        auc=with_interval(metrics, "auc"),
    )
    known = [name for name in METRIC_TEXTS if f"test_{name}" in metrics]
    columns = {"On the test rows": "", "95 % from": "_low", "95 % to": "_high"}
    columns |= {words(name).capitalize(): f".{name}" for name in BASELINES}
    table = pd.DataFrame(
        {
            "Metric": [METRIC_TEXTS[name].title for name in known],
            **{title: [_in_form(metrics, name, end) for name in known] for title, end in columns.items()},
            "Meaning": [METRIC_TEXTS[name].meaning for name in known],
        }
    )
    return Drawing(None, says, table)


def algorithms(rows: pd.DataFrame) -> Drawing:
    """Average precision and AUC of all algorithms and baselines; the one row is the champion."""
    champion = rows.iloc[0]
    metrics = champion.metrics
    compared = _compared(metrics, champion.algorithm)
    if compared.empty:
        raise NothingToShow("Of this version no metrics of other models were kept: `sparkhouse train` keeps them.")
    says = sentence(
        "On folds of the training rows, {chosen} was best; on the test rows its average precision is {precision}. "
        "{highest} {intervals} Dashed is no skill.",
        chosen=words(champion.algorithm),
        precision=with_interval(metrics, "average_precision"),
        highest=_highest(compared.iloc[0], champion.algorithm),
        intervals=_of_intervals(compared),
    )
    drawn = figure(
        _dots(compared, champion.algorithm, "average_precision", ""),
        _dots(compared, champion.algorithm, "auc", "2"),
        height=560,
        showlegend=False,
        grid={"rows": 2, "columns": 1, "pattern": "independent", "ygap": 0.35},
        xaxis={"rangemode": "tozero", "title": "average precision"},
        xaxis2={"range": [0, 1], "title": "AUC", "automargin": True},
        yaxis={"autorange": "reversed"},
        yaxis2={"autorange": "reversed", "automargin": True},
        shapes=[
            upright(metrics.get("test_average_precision.no_skill", 0), ""),
            upright(metrics.get("test_auc.no_skill", 0), "2"),
        ],
    )
    table = pd.DataFrame(
        {
            "Model": [words(name) for name in compared.model],
            "Average precision on folds": [number(value, 3) for value in compared.on_folds],
            "Average precision": [number(value, 3) for value in compared.average_precision],
            "AUC": [number(value, 3) for value in compared.auc],
            "Champion": [name == champion.algorithm for name in compared.model],
        }
    )
    return Drawing(drawn, says, table)


def importance(rows: pd.DataFrame) -> Drawing:
    """What each input is worth to the champion; `rows` are inputs, the worthiest first."""
    if not rows.importance.any():
        raise NothingToShow("No input is worth anything to the champion: it ranks as well without each of them.")
    first, top = rows.iloc[0], rows.head(INPUTS).iloc[::-1]
    is_sure = rows.importance > 2 * rows.importance_spread
    says = sentence(
        "With {feature} shuffled, average precision on the test rows falls by {drop}, the most of {inputs} inputs; of "
        "{sure} it falls by more than twice its standard deviation over the shuffles, which is drawn beside the dots. "
        "Where several inputs tell the same, each looks worth little.",
        feature=str(first.feature),
        drop=number(first.importance, 4),
        inputs=number(len(rows)),
        sure=number(int(is_sure.sum())),
    )
    places = list(range(len(top)))
    left = min(0.0, float((top.importance - top.importance_spread).min()))
    # Above its dot, a name has the whole width, on a phone, too.
    names = {"text": top.feature, "mode": "text", "textposition": "middle right", "textfont": {"size": 11}}
    drawn = figure(
        go.Scatter(
            x=top.importance,
            y=places,
            mode="markers",
            marker={"color": BLUE, "size": 9},
            error_x={"array": top.importance_spread, "color": BLUE, "thickness": 1.5},
            hovertext=top.feature,
        ),
        go.Scatter(x=[left] * len(top), y=[place + NAME_ABOVE for place in places], hoverinfo="skip", **names),
        height=80 + 36 * len(top),
        margin={"l": 8, "r": 16, "t": 8, "b": 48},
        xaxis={"title": "fall of average precision", "rangemode": "tozero", "nticks": 5},
        yaxis={"visible": False, "range": [-0.5, len(top) - 0.2]},
        showlegend=False,
        shapes=[upright(0, "")],
    )
    table = pd.DataFrame(
        {
            "Input": rows.feature,
            "Fall of average precision": [number(value, 4) for value in rows.importance],
            "Standard deviation": [number(value, 4) for value in rows.importance_spread],
        }
    )
    return Drawing(drawn, says, table)


def effects(rows: pd.DataFrame) -> Drawing:
    """The mean probability by the value of an input; `rows` are inputs, the worthiest first."""
    shown = rows[[isinstance(each, Sized) and len(each) > 1 for each in rows.probabilities]].head(EFFECTS)
    if shown.empty:
        raise NothingToShow("None of the inputs that are worth most is a number that varies: there is no curve.")
    reach = [max(each) - min(each) for each in shown.probabilities]
    widest = shown.iloc[reach.index(max(reach))]
    says = sentence(
        "Were {feature} of all training rows at {low}, all else as it is, their mean probability would be {at_low}, "
        "and {at_high} at {high}; no other curve shown reaches as far. This is what the model makes of an input, not "
        "what the input brings about.",
        feature=str(widest.feature),
        low=_short(widest.input_values[0]),
        at_low=percent(widest.probabilities[0], 1),
        high=_short(widest.input_values[-1]),
        at_high=percent(widest.probabilities[-1], 1),
    )
    table = shown[["feature", "input_values", "probabilities"]].explode(["input_values", "probabilities"])
    table = table.rename(columns={"feature": "Input", "input_values": "Value", "probabilities": "Share expected"})
    return Drawing(_small_multiples(shown), says, table.astype({"Value": float, "Share expected": float}))


def words(name: str) -> str:
    """The name of an algorithm or a baseline as people say it."""
    return name.replace("_", " ").replace(" svm", " SVM")


def with_interval(metrics: Mapping[str, float], name: str, digits: int = 3) -> Markup:
    """A metric on the test rows with its interval, both as the training measured them."""
    value, low, high = (number(metrics.get(f"test_{name}{end}"), digits) for end in ("", "_low", "_high"))
    return sentence("{value} (95 % interval {low} to {high})", value=value, low=low, high=high)


def upright(at: float, axes: str) -> dict[str, Any]:
    """A dashed line over the whole height of a plot."""
    place = {"xref": f"x{axes}", "yref": f"y{axes} domain", "x0": at, "x1": at, "y0": 0, "y1": 1}
    return place | {"type": "line", "layer": "below", "line": DASHED}


def _in_form(metrics: Mapping[str, float], name: str, end: str) -> Markup:
    """A metric in the form of its text, such as {:.3f} or {:.1%}."""
    value, form = metrics.get(f"test_{name}{end}"), METRIC_TEXTS[name].form
    write = percent if form.endswith("%}") else number
    return write(value, int(form[3]))


def _compared(metrics: Mapping[str, float], champion: str) -> pd.DataFrame:
    """One row per model, the highest average precision first; ends of intervals where they were kept."""
    prefix = "test_average_precision."
    names = [name.removeprefix(prefix) for name in metrics if name.startswith(prefix)]
    compared = pd.DataFrame(
        {"model": names, "on_folds": [metrics.get(f"cv_average_precision.{name}") for name in names]}
    )
    for metric in ("average_precision", "auc"):
        compared[metric] = [metrics[f"test_{metric}.{name}"] for name in names]
        for end in ("_low", "_high"):
            own = {champion: metrics.get(f"test_{metric}{end}")}
            kept = [metrics.get(f"test_{metric}{end}.{name}", own.get(name)) for name in names]
            compared[f"{metric}{end}"] = pd.Series(kept, dtype=float)
    return compared.sort_values(["average_precision", "model"], ascending=[False, True], ignore_index=True)


def _highest(best: pd.Series[Any], champion: str) -> Markup:
    if best.model == champion:
        return sentence("No other model has a higher one.")
    highest = number(best.average_precision, 3)
    return sentence("The highest is that of {best}, {highest}.", best=words(best.model), highest=highest)


def _of_intervals(compared: pd.DataFrame) -> Markup:
    if compared.auc_low.notna().all():
        return sentence("Where intervals overlap widely, which model is better is open.")
    return sentence("Of the others no interval is kept: within that of the champion, which is better is open.")


def _dots(compared: pd.DataFrame, champion: str, metric: str, axes: str) -> go.Scatter:
    """The models in one colour each kind, with the intervals that were kept."""
    kinds = [BLUE if name == champion else ORANGE if name in BASELINES else GREY for name in compared.model]
    value = compared[metric]
    return go.Scatter(
        x=value,
        y=[words(name) for name in compared.model],
        mode="markers",
        marker={"color": kinds, "size": 11},
        error_x=error_bars(value, compared[f"{metric}_low"], compared[f"{metric}_high"], color=GREY),
        xaxis=f"x{axes}",
        yaxis=f"y{axes}",
    )


def _small_multiples(shown: pd.DataFrame) -> go.Figure:
    """Two plots a row, all with the same axis of probabilities."""
    highest = max(max(each) for each in shown.probabilities)
    lines = [
        go.Scatter(
            x=list(values),
            y=list(probabilities),
            mode="lines+markers",
            line={"color": BLUE, "width": 2},
            marker={"size": 5},
            xaxis=f"x{axes_at(place)}",
            yaxis=f"y{axes_at(place)}",
        )
        for place, (values, probabilities) in enumerate(zip(shown.input_values, shown.probabilities, strict=True))
    ]
    of_probability = {"range": [0, highest * 1.1], "tickformat": ".0%", "nticks": 4}
    return small_plots(lines, [str(name) for name in shown.feature], 100, xaxis={"nticks": 4}, yaxis=of_probability)


def _short(value: float) -> Markup:
    """A value of an input: a count as such, what lies between with its digits."""
    return number(value, 0 if float(value).is_integer() or abs(value) >= 100 else 2)  # noqa: PLR2004 - three digits
