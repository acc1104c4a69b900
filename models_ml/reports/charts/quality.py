"""Charts of data quality for who answers for it: the verdict of the gate, what somebody let pass, what came in."""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.graph_objects as go
from markupsafe import Markup, escape

from models_ml.reports.charts.audits import (
    ACCEPTED,
    HELD,
    LETTERS_OF_A_REMEDY,
    OUTCOMES,
    STOPPED,
    WARNED,
    counted,
    observed,
    outcomes_of_checks,
    told_outcomes,
)
from models_ml.reports.drawing import BLUE, GREEN, GREY, RED, Drawing, figure
from models_ml.reports.text import moment, number, percent, sentence, shortened, with_code

# From the worst on: what an outcome asks for.
TASKS = {
    STOPPED: "A run that is stopped is not published: readers keep the state before it. Do what the table says and run "
    'again, or let pass what is right with `sparkhouse publish RUN_ID --accept RULE --reason "..."`.',
    WARNED: "A warning holds nothing back; the table says what to look at.",
    ACCEPTED: "There is nothing to do: somebody has looked at what was found, and let it pass.",
    HELD: "There is nothing to do.",
}


def last_audit(rows: pd.DataFrame) -> Drawing:
    """The verdict of the last audit of each suite and what to do, with its findings or else its suites.

    `rows` are checks.
    """
    outcomes = outcomes_of_checks(rows)
    says = told_outcomes(rows, outcomes) + Markup(" ") + with_code(TASKS[int(outcomes.max())])
    broken = outcomes[outcomes != HELD].sort_values(ascending=False, kind="stable")
    table = _suites(rows) if broken.empty else _findings(rows.loc[broken.index], broken)
    return Drawing(None, says, table)


def accepted_findings(rows: pd.DataFrame) -> Drawing:
    """Who let which finding pass, and why; `rows` are findings, the newest first."""
    newest = rows.iloc[0]
    says = sentence(
        "Let pass by hand so far: {findings} of {runs}, the last of them {rule}, on {at} by {by}. A later finding of "
        "the same place passes, too, unless it is worse by more than a tenth.",
        findings=counted(len(rows), "finding"),
        runs=counted(rows.run_id.nunique(), "run"),
        rule=newest["rule"],
        at=moment(newest.accepted_at),
        by=newest.accepted_by,
    )
    table = pd.DataFrame(
        {
            "Accepted": rows.accepted_at,
            "By": rows.accepted_by,
            "Why": rows.reason,
            "Rule": rows.rule,
            "Table": rows.table_name,
            "Column": rows.column_name,
            "Observed": rows.observed_value,
            "Finding": rows.message,
            "Run": rows.run_id,
        }
    )
    return Drawing(None, says, table)


def deliveries(rows: pd.DataFrame) -> Drawing:
    """Lines that came in and lines refused, by the moment they were taken in; `rows` are deliveries, newest first."""
    refused_share = rows.rejected_count / rows.line_count.clip(lower=1)
    table = pd.DataFrame(
        {
            "Taken in": rows.ingested_at,
            "Files": rows.file_count,
            "Lines": rows.line_count,
            "Accepted": rows.accepted_count,
            "Refused": rows.rejected_count,
            "Share refused": refused_share,
            "Blank": rows.blank_count,
            "Megabytes": rows.megabyte_count,
        }
    )
    return Drawing(_lines(table.iloc[::-1]) if len(table) > 1 else None, _about_lines(rows.iloc[0]), table)


def _about_lines(newest: pd.Series[Any]) -> Markup:
    """The newest delivery knows the counts of all, too."""
    is_any_refused = newest.all_rejected_count > 0
    return sentence(
        "{files} with {lines} lines came in, the newest {newest_lines} of them in {newest_files} on {at}. "
        + ("{refused} were refused ({share}), {newest_refused} of the newest: " if is_any_refused else "")
        + ("their reasons are on the page Checks." if is_any_refused else "None was refused."),
        files=counted(int(newest.all_file_count), "file"),
        lines=number(int(newest.all_line_count)),
        refused=number(int(newest.all_rejected_count)),
        share=percent(newest.all_rejected_count / max(1, newest.all_line_count), 2),
        at=moment(newest.ingested_at),
        newest_lines=number(int(newest.line_count)),
        newest_files=counted(int(newest.file_count), "file"),
        newest_refused=number(int(newest.rejected_count)),
    )


def _findings(broken: pd.DataFrame, outcomes: pd.Series[int]) -> pd.DataFrame:
    """The broken checks, in the order of their outcomes."""
    places = broken.table_name + broken.column_name.map(lambda name: f".{name}" if isinstance(name, str) else "")
    seen = [
        sentence("{place}: {seen}; expected: {expected}", place=place, seen=value, expected=str(expected))
        for place, value, expected in zip(places, observed(broken).fillna("broken"), broken.expected, strict=True)
    ]
    return pd.DataFrame(
        {
            "Outcome": [OUTCOMES[outcome] for outcome in outcomes],
            "What was found": seen,
            "What to do": [escape(shortened(str(each), LETTERS_OF_A_REMEDY)) for each in broken.remedy],
            "Accepted": broken.accepted,
            "Rule": broken.rule,
        }
    )


def _suites(rows: pd.DataFrame) -> pd.DataFrame:
    by_suite = rows.groupby("suite", as_index=False).agg(
        tables=("table_name", "nunique"),
        rules=("rule", "nunique"),
        checks=("rule", "size"),
        audited=("validated_at", "max"),
    )
    return by_suite.rename(columns=str.capitalize)


def _lines(table: pd.DataFrame) -> go.Figure:
    """Lines by delivery, and below them the share refused, where any was."""
    times = [f"{at:%Y-%m-%d %H:%M}" for at in table["Taken in"]]
    places, last = list(range(len(times))), len(times) - 1
    has_refused = bool(table.Refused.any())
    drawn = figure(
        *_bars_of_lines(table, places, times),
        *([_refused(table, places, times)] if has_refused else []),
        barmode="stack",
        height=420 if has_refused else 340,
        xaxis={
            "tickvals": sorted({0, last}),
            "ticktext": [times[place].replace(" ", "<br>") for place in sorted({0, last})],
            "range": [-0.6, last + 0.6],
            "title": "delivery, in the order taken in (UTC)",
            "showgrid": False,
            "zeroline": False,
            "anchor": "y2" if has_refused else "y",
        },
        yaxis={"title": "lines", "rangemode": "tozero", "domain": [0.42, 1] if has_refused else [0, 1]},
        margin={"r": 48},
        legend={"traceorder": "normal"},
        showlegend=True,
    )
    if has_refused:
        drawn.update_layout(
            yaxis2={"title": "refused", "rangemode": "tozero", "tickformat": ".1~%", "domain": [0, 0.3]}
        )
        drawn.update_yaxes(automargin=True)
    return drawn


def _bars_of_lines(table: pd.DataFrame, places: list[int], times: list[str]) -> list[go.Bar]:
    kinds = (("Accepted", GREEN), ("Refused", RED), ("Blank", GREY))
    return [
        go.Bar(
            x=places,
            y=table[name],
            name=name.lower(),
            marker_color=colour,
            customdata=times,
            hovertemplate="%{customdata} UTC: %{y:,} " + name.lower() + "<extra></extra>",
        )
        for name, colour in kinds
        if name == "Accepted" or table[name].any()
    ]


def _refused(table: pd.DataFrame, places: list[int], times: list[str]) -> go.Scatter:
    return go.Scatter(
        x=places,
        y=table["Share refused"],
        yaxis="y2",
        mode="lines+markers",
        line={"color": BLUE},
        customdata=times,
        hovertemplate="%{customdata} UTC: %{y:.2%} refused<extra></extra>",
        showlegend=False,
    )
