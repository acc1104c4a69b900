"""Charts of features and of the model's inputs against their own past: changes of features, drift."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from scipy.stats import chi2  # type: ignore[import-untyped]

from models_ml.reports.charts.named_rows import MARGIN, hidden_names, labels_above
from models_ml.reports.drawing import BLUE, COLOURS, GREY, ORANGE, RED, Drawing, NothingToShow, figure
from models_ml.reports.text import day, number, percent, sentence

if TYPE_CHECKING:
    from markupsafe import Markup

# N. Siddiqi 2006, Credit Risk Scorecards, Wiley: above it a population has changed much.
MUCH_DRIFT, CHANCE = 0.25, 0.999
# P. C. Austin 2009, Statistics in Medicine 28, 3083-3107: up to it two groups are balanced.
LITTLE_CHANGE = 0.1
SCORE = "score"
FEATURES_SHOWN, INPUTS_SHOWN, LINES_SHOWN = 15, 20, 5


def feature_changes(rows: pd.DataFrame) -> Drawing:
    """Features of the newest snapshot against the one before; `rows` are pairs of a snapshot and a feature."""
    dates = sorted(rows.as_of_date.unique())[-2:]
    if len(dates) < 2:  # noqa: PLR2004 - one alone has nothing to be compared with
        raise NothingToShow("There is one snapshot so far: the next Monday of the log brings one to compare it with.")
    before, now = (rows[rows.as_of_date == date].set_index("feature") for date in dates)
    scatter = np.sqrt((before.deviation**2 + now.deviation**2) / 2)
    change = ((now["mean"] - before["mean"]) / scatter.where(scatter > 0)).astype(float)
    if change.isna().all():
        raise NothingToShow("No user of the two newest snapshots has values of these features that differ.")
    most = str(change.abs().idxmax())
    says = sentence(
        "From {before} ({users_before} users) to {now} ({users_now} users), {moved} of {features} features moved by "
        "more than {little} standard deviations (SD; orange); the chart has the {shown} that moved most. {most} did so "
        "most of all: its mean went from {mean_before} to {mean_now}. ",
        before=day(dates[0]),
        now=day(dates[1]),
        users_before=number(int(before.user_count.max())),
        users_now=number(int(now.user_count.max())),
        moved=number(int((change.abs() > LITTLE_CHANGE).sum())),
        features=number(len(change)),
        little=number(LITTLE_CHANGE, 1),
        shown=number(min(FEATURES_SHOWN, int(change.notna().sum()))),
        most=most,
        mean_before=number(float(before["mean"][most]), 2),
        mean_now=number(float(now["mean"][most]), 2),
    )
    table = _features_table(before, now, change)
    return Drawing(_change_bars(change.dropna()), says + _about_nulls(table), table)


def drift_over_time(rows: pd.DataFrame) -> Drawing:
    """Drift of the score and of the inputs that moved most, in limits, by snapshot; `rows` are inputs of snapshots."""
    limited = _limited(rows)
    dates = sorted(limited.as_of_date.unique())
    if len(dates) < 2:  # noqa: PLR2004 - a point is no course
        raise NothingToShow("One snapshot was scored and measured so far: the next `sparkhouse predict` adds another.")
    newest = limited[limited.as_of_date == dates[-1]]
    inputs = newest[newest.feature != SCORE].nlargest(LINES_SHOWN, "in_limits").feature
    shown = [SCORE, *inputs] if SCORE in set(limited.feature) else list(inputs)
    new_models = _new_models(limited)
    drawn = figure(
        *(_course(limited, name, colour) for name, colour in zip(shown, COLOURS, strict=False)),
        height=380,
        shapes=new_models,
        xaxis={"title": "snapshot scored"},
        yaxis={"rangemode": "tozero", "title": "PSI, in limits (1 is the limit)"},
    )
    drawn.add_hline(y=1, line={"color": RED, "dash": "dash", "width": 1.5})
    share = limited[limited.feature != SCORE].groupby("as_of_date").is_beyond.mean()
    says = sentence(
        "At {date}, {inputs} of the inputs of the champion were beyond the limit of their drift; at {first} it "
        "was {inputs_first}. {score}"
        + (" Dotted lines mark a new champion, from which on another training is the measure." if new_models else ""),
        date=day(dates[-1]),
        first=day(dates[0]),
        inputs=percent(share.get(dates[-1])),
        inputs_first=percent(share.get(dates[0])),
        score=_about_score(newest),
    )
    return Drawing(drawn, says, _drift_table(limited.sort_values("as_of_date", ascending=False, kind="stable")))


def drift_by_input(rows: pd.DataFrame) -> Drawing:
    """PSI of the score and the inputs at the newest snapshot, with their limits; `rows` are inputs of snapshots."""
    limited = _limited(rows)
    newest = limited[limited.as_of_date == limited.as_of_date.max()]
    inputs = newest[newest.feature != SCORE]
    says = sentence(
        "At {date}, {beyond} of {inputs} inputs of {version} have moved away from its training by more than the limit "
        "(orange): a PSI of {much}, {whose}, and what chance adds among {rows} users. {score} Windows of a young log "
        "fill up, and move for that alone; the gate warns only where outcomes came in that the version does not know.",
        date=day(newest.as_of_date.iloc[0]),
        beyond=number(int(inputs.is_beyond.sum())),
        inputs=number(len(inputs)),
        version=str(newest.model_version.iloc[0]),
        **_about_limit(inputs if len(inputs) else newest),
        rows=number(int(newest.scored_rows.max())),
        score=_about_score(newest),
    )
    return Drawing(_drift_bars(newest.nlargest(INPUTS_SHOWN, "psi").iloc[::-1]), says, _drift_table(newest))


def _about_nulls(table: pd.DataFrame) -> Markup:
    """Of which feature the share of nulls changed most."""
    change = table["Share null now"] - table["Share null before"]
    if not change.abs().max() > 0:
        return sentence("No share of nulls changed.")
    most = table.iloc[int(change.abs().argmax())]
    return sentence(
        "The share of nulls changed most in {feature}, from {before} to {now}.",
        feature=str(most.Feature),
        before=percent(most["Share null before"], 1),
        now=percent(most["Share null now"], 1),
    )


def _features_table(before: pd.DataFrame, now: pd.DataFrame, change: pd.Series[float]) -> pd.DataFrame:
    snapshots = {"before": before, "now": now}
    measures = {"Lower quartile": "lower_quartile", "Median": "median", "Upper quartile": "upper_quartile"}
    columns = {f"Share null {when}": rows.null_count / rows.user_count for when, rows in snapshots.items()}
    for name, column in measures.items():
        columns |= {f"{name} {when}": rows[column] for when, rows in snapshots.items()}
    table = pd.DataFrame(columns | {"Standardised change of the mean": change})
    order = change.abs().sort_values(ascending=False, kind="stable").index
    return table.loc[order].rename_axis("Feature").reset_index()


def _change_bars(change: pd.Series[float]) -> go.Figure:
    """The features that moved most, the first on top, with what is little change shaded."""
    shown = change.loc[change.abs().nlargest(FEATURES_SHOWN).index]
    names = [str(name) for name in shown.index]
    reach = max(2.5 * LITTLE_CHANGE, 1.1 * float(shown.abs().max()))
    little = {"type": "rect", "xref": "x", "yref": "paper", "x0": -LITTLE_CHANGE, "x1": LITTLE_CHANGE, "y0": 0, "y1": 1}
    return figure(
        go.Bar(
            y=np.arange(len(shown)),
            x=shown,
            orientation="h",
            width=0.3,
            marker_color=[ORANGE if abs(value) > LITTLE_CHANGE else BLUE for value in shown],
            text=names,
            textposition="none",
            hovertemplate="%{text}: %{x:.2f}<extra></extra>",
        ),
        labels_above(names).update(x=[-reach] * len(names)),
        height=110 + 36 * len(shown),
        xaxis={"range": [-reach, reach], "title": "change, in SD"},
        yaxis=hidden_names(len(shown)),
        margin=MARGIN,
        shapes=[little | {"fillcolor": "rgba(127,127,127,0.2)", "line": {"width": 0}, "layer": "below"}],
        showlegend=False,
    )


def _limited(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with the limit of each index: what the gate allows or else what much drift is, and what chance adds.

    Of n and m rows of one distribution, the index is about (1 / n + 1 / m) times a chi-square of one degree of freedom
    less than bins: B. Yurdakul 2018, Statistical Properties of Population Stability Index, Western Michigan University.
    """
    chance = (1 / rows.train_rows + 1 / rows.scored_rows) * chi2.ppf(CHANCE, (rows.bins - 1).clip(lower=1))
    limit = rows.psi_limit.astype(float).fillna(MUCH_DRIFT) + chance
    return rows.assign(limit=limit, in_limits=rows.psi / limit, is_beyond=rows.psi > limit)


def _about_limit(inputs: pd.DataFrame) -> dict[str, object]:
    """The limit of the inputs, and whose it is."""
    limit = inputs.psi_limit.iloc[0]
    if pd.isna(limit):
        return {"much": number(MUCH_DRIFT, 2), "whose": "the usual mark, as the gate has not judged drift yet"}
    return {"much": number(float(limit), 2), "whose": "the limit of the gate"}


def _about_score(newest: pd.DataFrame) -> Markup:
    score = newest[newest.feature == SCORE]
    if score.empty:
        return sentence("Of the score nothing was measured.")
    text = "The score is beyond its limit, too: PSI {psi}, limit {limit}."
    if not score.is_beyond.iloc[0]:
        text = "The score is within its limit: PSI {psi}, limit {limit}."
    return sentence(text, psi=number(score.psi.iloc[0], 2), limit=number(score.limit.iloc[0], 2))


def _course(limited: pd.DataFrame, name: str, colour: str) -> go.Scatter:
    rows = limited[limited.feature == name]
    return go.Scatter(
        x=rows.as_of_date,
        y=rows.in_limits,
        name=name,
        mode="lines+markers",
        line={"color": colour, "width": 4 if name == SCORE else 2},
        customdata=rows[["psi", "limit"]],
        hovertemplate="%{x}: PSI %{customdata[0]:.2f}, limit %{customdata[1]:.2f}",
    )


def _new_models(limited: pd.DataFrame) -> list[dict[str, object]]:
    """A dotted line where a new version was the champion for the first time."""
    firsts = limited.groupby("model_version").as_of_date.min().sort_values().iloc[1:]
    line = {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "line": {"color": GREY, "dash": "dot"}}
    return [line | {"x0": first, "x1": first} for first in firsts]


def _drift_bars(rows: pd.DataFrame) -> go.Figure:
    return figure(
        go.Bar(
            y=rows.feature,
            x=rows.psi,
            orientation="h",
            name="PSI",
            marker_color=[ORANGE if beyond else BLUE for beyond in rows.is_beyond],
            hovertemplate="%{y}: PSI %{x:.2f}<extra></extra>",
        ),
        go.Scatter(
            y=rows.feature,
            x=rows.limit,
            mode="markers",
            name="limit",
            marker={"symbol": "line-ns-open", "size": 18, "color": RED, "line": {"width": 3}},
            hovertemplate="%{y}: limit %{x:.2f}<extra></extra>",
        ),
        height=130 + 26 * len(rows),
        xaxis={"rangemode": "tozero", "title": "PSI"},
    )


def _drift_table(rows: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Snapshot": rows.as_of_date,
            "Input": rows.feature,
            "PSI": rows.psi,
            "Limit": rows.limit,
            "Beyond": rows.is_beyond,
            "KS": rows.ks,
            "Share missing in training": rows.train_missing_share,
            "Share missing now": rows.scored_missing_share,
            "Model": rows.model_version,
        }
    )
