"""Charts of the catalogue of features: what each one is, what is known of it now, and how well it ranks on its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import plotly.graph_objects as go

from models_ml.reports.charts.feature_values import short
from models_ml.reports.charts.intervals import error_bars
from models_ml.reports.charts.model import upright
from models_ml.reports.drawing import BLUE, Drawing, NothingToShow, figure
from models_ml.reports.text import day, number, sentence
from warehouse.contract.catalogue import features

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from warehouse.contract.catalogue import Feature

RANKED = 20
# Columns of the catalogue that stand before what is measured, and those that one looks up after it.
FIRST, LAST = ("Meaning", "Group", "Unit"), ("Formula", "Range", "NULL where", "Leak class")
# What ranks no better than a coin.
NO_SKILL = 0.5
# How far the name of a feature stands above its dot, of the way to the next.
NAME_ABOVE = 0.42


def catalogue(
    rows: pd.DataFrame,
    aucs: pd.DataFrame | None,
    lineage: pd.DataFrame | None,
    drift: pd.DataFrame | None,
    entries: Sequence[Feature] | None = None,
) -> Drawing:
    """All features with what is known of each; `rows` are features of snapshots.

    `aucs`, `lineage` and `drift` are features, too, each None where nothing is known; `entries` are the catalogue, by
    default that of the warehouse.
    """
    entries = entries or features()
    newest = rows[rows.as_of_date == rows.as_of_date.max()]
    table = _words(entries)
    table = table.join(_ranks(aucs)).join(_values(newest)).join(_inputs(drift, table.index)).join(_sources(lineage))
    says = sentence(
        "{features} features in {groups} groups, as the catalogue says them, with their values at {date} ({users} "
        "users). Without a value for some users: {gaps} of the {numbers} that are numbers or yes or no. {inputs}",
        features=number(len(entries)),
        groups=number(len({entry.group for entry in entries})),
        date=day(newest.as_of_date.iloc[0]),
        users=number(int(newest.user_count.max())),
        numbers=number(len(newest)),
        gaps=number(int((newest.null_count > 0).sum())),
        inputs=_about_inputs(drift),
    )
    ordered = table[[*FIRST, *table.columns.drop([*FIRST, *LAST]), *LAST]]
    return Drawing(None, says, ordered.rename_axis("Feature").reset_index())


def ranking(rows: pd.DataFrame, entries: Sequence[Feature] | None = None) -> Drawing:
    """AUC of the best columns alone, with its lower end; `rows` are features, the best first.

    `entries` are the catalogue, by default that of the warehouse.
    """
    groups = {entry.name: entry.group for entry in entries or features()}
    known = rows.assign(group=rows.feature.map(groups)).dropna(subset=["auc", "group"])
    if known.empty:
        raise NothingToShow("No feature can be ranked by yet: outcomes have to come in, some of them with the label.")
    best = known.iloc[0]
    medians = known.groupby("group").auc.median().sort_values(ascending=False)
    says = sentence(
        "On its own, {feature} ranks best: AUC {auc}{at_least}, over {rows} rows of a user and a snapshot, {positives} "
        "of them with the outcome. Of the groups, {group} ranks best: half of its features have an AUC of {median} or "
        "more. {sure} The best of so many look better than they are.",
        feature=str(best.feature),
        auc=number(best.auc, 3),
        at_least=_at_least(best.lower_bound),
        rows=number(int(best.row_count)),
        positives=number(int(best.positive_count)),
        group=str(medians.index[0]),
        median=number(float(medians.iloc[0]), 3),
        sure=_about_sure(known),
    )
    table = pd.DataFrame(
        {
            "Feature": known.feature,
            "Group": known.group,
            "AUC": [number(value, 3) for value in known.auc],
            "At least (99 %)": [number(value, 3) for value in known.lower_bound],
            "Ranked by": known.ranked_by,
            "Rows": known.row_count,
            "With the outcome": known.positive_count,
            "Why it may rank so well": known.reason,
        }
    )
    return Drawing(_dots(known.head(RANKED).iloc[::-1]), says, table)


def _words(entries: Sequence[Feature]) -> pd.DataFrame:
    """What the catalogue says of each feature."""
    return pd.DataFrame(
        {
            "Meaning": [entry.description for entry in entries],
            "Group": [entry.group for entry in entries],
            "Formula": [entry.formula for entry in entries],
            "Unit": [entry.unit for entry in entries],
            "Range": [_range(entry) for entry in entries],
            "NULL where": [entry.null_rule for entry in entries],
            "Leak class": [entry.leak_class for entry in entries],
        },
        index=[entry.name for entry in entries],
    )


def _range(entry: Feature) -> str:
    """The values that the catalogue lets a feature have."""
    if entry.allowed:
        return ", ".join(entry.allowed)
    if entry.data_type == "boolean":
        return "true or false"
    if entry.lowest is None and entry.highest is None:
        return "any"
    if entry.highest is None:
        return f"from {entry.lowest}"
    return f"up to {entry.highest}" if entry.lowest is None else f"{entry.lowest} to {entry.highest}"


def _sources(lineage: pd.DataFrame | None) -> pd.DataFrame:
    """The raw columns of each feature; those of the events without the name of their table."""
    if lineage is None or lineage.empty:
        return pd.DataFrame(columns=["Made from"])
    columns = lineage.set_index("feature").raw_columns.str.replace("raw.events.", "", regex=False)
    return pd.DataFrame({"Made from": columns})


def _ranks(aucs: pd.DataFrame | None) -> pd.DataFrame:
    if aucs is None or aucs.empty:
        return pd.DataFrame(columns=["AUC alone", "AUC at least (99 %)"])
    by_feature = aucs.set_index("feature")
    columns = {"AUC alone": by_feature.auc, "AUC at least (99 %)": by_feature.lower_bound}
    return pd.DataFrame(
        {name: [number(value, 3) for value in values] for name, values in columns.items()}, by_feature.index
    )


def _values(newest: pd.DataFrame) -> pd.DataFrame:
    """What the newest snapshot holds of each feature that is a number."""
    by_feature = newest.set_index("feature")
    return pd.DataFrame(
        {
            "Mean": by_feature["mean"].map(short),
            "Median": by_feature["median"].map(short),
            "Share without a value": by_feature.null_count / by_feature.user_count,
        }
    )


def _inputs(drift: pd.DataFrame | None, names: pd.Index[str]) -> pd.DataFrame:
    """How far each has moved since the training, and whether the champion reads it."""
    if drift is None or drift.empty:
        return pd.DataFrame(columns=["PSI since training", "Input of the champion"])
    read = _read(drift)
    return pd.DataFrame(
        {
            "PSI since training": drift.set_index("feature").psi.reindex(names),
            "Input of the champion": ["yes" if name in read else "no" for name in names],
        },
        index=names,
    )


def _read(drift: pd.DataFrame) -> set[str]:
    """The columns that are inputs themselves; an input such as level=paid is one value of its column."""
    return {str(name).split("=")[0] for name in drift.feature[drift.is_used.astype(bool)]}


def _about_inputs(drift: pd.DataFrame | None) -> Markup:
    if drift is None or drift.empty:
        return sentence("No champion has scored them yet, so how far they have moved since its training is not known.")
    return sentence(
        "PSI compares the rows that {version} was trained on with those of {date}; what it makes of several columns, "
        "such as a rate, has no row here.",
        version=str(drift.model_version.iloc[0]),
        date=day(drift.as_of_date.max()),
    )


def _at_least(lower_bound: float | None) -> Markup:
    if lower_bound is None or pd.isna(lower_bound):
        return sentence(" (of so few users its error is not known)")
    return sentence(" (with 99 % confidence at least {low})", low=number(lower_bound, 3))


def _about_sure(known: pd.DataFrame) -> Markup:
    """How many are better than a coin, where the sample is large enough to tell."""
    if known.lower_bound.isna().all():
        return sentence("There are too few users with the outcome to say which are better than a coin (dashed).")
    return sentence(
        "{sure} of {all} are better than a coin (dashed) with 99 % confidence, which each line reaches down to; as "
        "each is ranked the way that suits it, some are so by chance.",
        sure=number(int((known.lower_bound > NO_SKILL).sum())),
        all=number(len(known)),
    )


def _dots(best: pd.DataFrame) -> go.Figure:
    """A dot a feature, the best on top, with a line down to the lower end; names above, where a phone has room."""
    places = list(range(len(best)))
    low = best.lower_bound.astype(float)
    left = min(NO_SKILL, float(low.min())) - 0.05 if low.notna().any() else NO_SKILL - 0.05
    names = {"text": best.feature, "mode": "text", "textposition": "middle right", "textfont": {"size": 11}}
    return figure(
        go.Scatter(
            x=best.auc,
            y=places,
            mode="markers",
            marker={"color": BLUE, "size": 9},
            error_x=error_bars(best.auc, low, best.auc, color=BLUE, thickness=1.5),
            customdata=best.feature,
            hovertemplate="%{customdata}: %{x:.3f}<extra></extra>",
        ),
        go.Scatter(x=[left] * len(best), y=[place + NAME_ABOVE for place in places], hoverinfo="skip", **names),
        height=80 + 34 * len(best),
        margin={"l": 8, "r": 16, "t": 8, "b": 48},
        xaxis={"title": "AUC of the column alone", "range": [left, 1], "nticks": 6},
        yaxis={"visible": False, "range": [-0.5, len(best) - 0.2]},
        showlegend=False,
        shapes=[upright(NO_SKILL, "")],
    )
