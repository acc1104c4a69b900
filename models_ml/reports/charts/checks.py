"""Charts of the gate for engineers: findings, rules by run, files, refused lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from markupsafe import escape

from models_ml.reports.charts.audits import (
    ACCEPTED,
    HELD,
    LETTERS_OF_A_REMEDY,
    MARKS,
    OUTCOME_COLOURS,
    OUTCOMES,
    STOPPED,
    WARNED,
    counted,
    last_part,
    observed,
    outcomes_of_checks,
    told_outcomes,
)
from models_ml.reports.drawing import BLUE, GREEN, GREY, RED, Drawing, figure
from models_ml.reports.text import moment, number, percent, sentence, shortened

if TYPE_CHECKING:
    from markupsafe import Markup

REASONS_SHOWN, FILES_SHOWN, FILES_NAMED = 12, 60, 10
LETTERS_OF_A_REASON = 28


def findings(rows: pd.DataFrame) -> Drawing:
    """The findings of the last audit of each suite, or the rules where all hold; `rows` are checks."""
    outcomes = outcomes_of_checks(rows)
    broken = rows[outcomes != HELD]
    table = _rules(rows) if broken.empty else _findings(broken, outcomes[outcomes != HELD])
    return Drawing(None, told_outcomes(rows, outcomes), table)


def rules_by_run(rows: pd.DataFrame) -> Drawing:
    """What became of each rule in each run, those ever broken on top; `rows` are rules of the newest runs."""
    outcomes = rows.assign(outcome=_outcomes_of_rules(rows))
    runs = outcomes.drop_duplicates("run_id")[["run_id", "audited_at"]]
    table = outcomes.pivot_table(index="rule", columns="run_id", values="outcome", aggfunc="max")
    ever_broken = outcomes.groupby("rule").was_ever_broken.max()
    order = sorted(table.index, key=lambda rule: (not ever_broken[rule], rule))
    table = table.reindex(index=order, columns=list(runs.run_id))
    return Drawing(_heatmap(table, runs), _about_runs(table), _counts_by_rule(table))


def files(rows: pd.DataFrame) -> Drawing:
    """Lines of the newest files by what became of them; `rows` are files, the newest first."""
    newest = rows.iloc[0]
    says = sentence(
        "{files} with {lines} lines came in, of which {refused} were refused; the newest on {at}, with {newest} lines. "
        "Which dialect a file was written in is not recorded.",
        files=counted(int(newest.file_count), "file"),
        lines=number(int(newest.all_line_count)),
        refused=number(int(newest.all_rejected_count)),
        at=moment(newest.ingested_at),
        newest=number(int(newest.line_count)),
    )
    table = pd.DataFrame(
        {
            "File": rows.source_file,
            "Taken in": rows.ingested_at,
            "Lines": rows.line_count,
            "Accepted": rows.accepted_count,
            "Refused": rows.rejected_count,
            "Blank": rows.blank_count,
            "Megabytes": rows.byte_count / 1e6,
            "Refused lines judged anew": rows.replayed_at,
            "Version of the rules": rows.record_version,
        }
    )
    return Drawing(_bars_of_files(rows.head(FILES_SHOWN).iloc[::-1]), says, table)


def refused_lines(rows: pd.DataFrame) -> Drawing:
    """Refused lines by reason; `rows` are pairs of a reason and a file, the most lines first."""
    newest = rows.iloc[0]
    by_file = rows.groupby("source_file").line_count.sum()
    by_reason = rows.groupby("reason").line_count.sum().sort_values(ascending=False, kind="stable")
    says = sentence(
        "{refused} refused lines are kept, {share} of the {lines} lines that came in. The reason met most is "
        "“{reason}”, {count} times; a line may have several. Most reasons are met in {file}.",
        refused=number(int(newest.all_refused_count)),
        share=percent(newest.all_refused_count / max(1, newest.all_line_count), 2),
        lines=number(int(newest.all_line_count)),
        reason=str(by_reason.index[0]),
        count=number(int(by_reason.iloc[0])),
        file=last_part(str(by_file.idxmax())),
    )
    table = pd.DataFrame(
        {
            "Reason": rows.reason,
            "File": rows.source_file,
            "Lines": rows.line_count,
            "Of these, kept as their shape alone": rows.shape_count,
            "First line": rows.first_line_number,
        }
    )
    return Drawing(_bars_of_reasons(by_reason.head(REASONS_SHOWN)), says, table)


def _outcomes_of_rules(rows: pd.DataFrame) -> pd.Series[int]:
    """The worst of the checks of each rule."""
    cases = [rows.stopping_count > 0, rows.warning_count > 0, rows.accepted_count > 0]
    return pd.Series(np.select(cases, [STOPPED, WARNED, ACCEPTED], HELD), index=rows.index)


def _findings(broken: pd.DataFrame, outcomes: pd.Series[int]) -> pd.DataFrame:
    """The broken checks, the worst first."""
    table = pd.DataFrame(
        {
            "Rule": broken.rule,
            "Outcome": [OUTCOMES[outcome] for outcome in outcomes],
            "Observed": observed(broken),
            "Expected": broken.expected,
            "What to do": [escape(shortened(str(each), LETTERS_OF_A_REMEDY)) for each in broken.remedy],
            "Table": broken.table_name,
            "Column": broken.column_name,
            "Severity": broken.severity,
            "Examples": broken.examples,
            "Accepted": broken.accepted,
            "Audited": broken.validated_at,
            "Run": broken.run_id,
        }
    )
    return table.loc[outcomes.sort_values(ascending=False, kind="stable").index]


def _rules(rows: pd.DataFrame) -> pd.DataFrame:
    by_rule = rows.groupby(["suite", "rule", "severity"], as_index=False).agg(
        checks=("rule", "size"),
        tables=("table_name", lambda names: ", ".join(sorted(set(names)))),
        audited=("validated_at", "max"),
    )
    columns = {
        "suite": "Suite",
        "rule": "Rule",
        "severity": "Severity",
        "checks": "Checks",
        "tables": "Tables",
        "audited": "Audited",
    }
    return by_rule.rename(columns=columns)


def _heatmap(table: pd.DataFrame, runs: pd.DataFrame) -> go.Figure:
    """A cell a rule and run; what a run did not look at stays empty."""
    times = [f"{at:%Y-%m-%d %H:%M}" for at in runs.audited_at]
    last = len(times) - 1
    told = sorted({0, last})
    cells = table.to_numpy()
    return figure(
        _cells(table, [[run, time] for run, time in zip(runs.run_id, times, strict=True)]),
        *(
            go.Scatter(
                x=[None], y=[None], mode="markers", name=name, marker={"symbol": "square", "size": 12, "color": to}
            )
            for outcome, (name, to) in enumerate(zip(OUTCOMES, OUTCOME_COLOURS, strict=True))
            if (cells == outcome).any()
        ),
        height=130 + 17 * len(table),
        xaxis={
            "tickvals": told,
            "ticktext": [times[place].replace(" ", "<br>") for place in told],
            "tickangle": 0,
            "range": [-0.5, last + 0.5],
            "title": "run, by its audit (UTC)",
            "showgrid": False,
            "zeroline": False,
        },
        # Half of the date below the last run.
        margin={"r": 48},
        yaxis={"autorange": "reversed", "dtick": 1, "tickfont": {"size": 11}, "showgrid": False},
        showlegend=True,
    )


def _cells(table: pd.DataFrame, runs: list[list[str]]) -> go.Heatmap:
    kinds = len(OUTCOMES)
    steps = [(edge / kinds, OUTCOME_COLOURS[kind]) for kind in range(kinds) for edge in (kind, kind + 1)]
    outcomes = [[None if pd.isna(value) else int(value) for value in line] for line in table.to_numpy()]
    said = [["" if each is None else OUTCOMES[each] for each in line] for line in outcomes]
    return go.Heatmap(
        z=outcomes,
        x=list(range(len(runs))),
        y=list(table.index),
        text=[["" if each is None else MARKS[each] for each in line] for line in outcomes],
        texttemplate="%{text}",
        customdata=[[[*run, word] for run, word in zip(runs, words, strict=True)] for words in said],
        zmin=-0.5,
        zmax=kinds - 0.5,
        colorscale=steps,
        showscale=False,
        xgap=2,
        ygap=2,
        hoverongaps=False,
        hovertemplate="%{y}: %{customdata[2]}<br>run %{customdata[0]}, %{customdata[1]} UTC<extra></extra>",
    )


def _about_runs(table: pd.DataFrame) -> Markup:
    worst = table.max()
    broken = (table > HELD).sum(axis=1)
    begin = sentence(
        "Of the last {runs}, the gate stopped {stopped}, and warned in {warned} of the others.",
        runs=counted(table.shape[1], "run"),
        stopped=number(int((worst == STOPPED).sum())),
        warned=number(int((worst == WARNED).sum())),
    )
    end = sentence(" What a run did not look at is empty.")
    if not broken.any():
        return begin + sentence(" Each of the {rules} rules held in all of them.", rules=number(len(table))) + end
    return (
        begin
        + sentence(
            " {rule} was broken most often, in {count}; rules that were ever broken stand on top.",
            rule=str(broken.idxmax()),
            count=counted(int(broken.max()), "run"),
        )
        + end
    )


def _counts_by_rule(table: pd.DataFrame) -> pd.DataFrame:
    counts = {name.capitalize(): (table == outcome).sum(axis=1) for outcome, name in enumerate(OUTCOMES)}
    return pd.DataFrame({"Rule": table.index} | {name: each.to_numpy() for name, each in counts.items()})


def _bars_of_files(rows: pd.DataFrame) -> go.Figure | None:
    """One file alone is no chart."""
    if len(rows) == 1:
        return None
    kinds = (("accepted_count", "accepted", GREEN), ("rejected_count", "refused", RED), ("blank_count", "blank", GREY))
    names = [last_part(file) for file in rows.source_file]
    if len(set(names)) < len(names):
        names = [f"{place}. {name}" for place, name in enumerate(names, 1)]
    return figure(
        *(
            go.Bar(
                x=names,
                y=rows[column],
                name=name,
                marker_color=colour,
                hovertemplate="%{x}: %{y:,} " + name + "<extra></extra>",
            )
            for column, name, colour in kinds
            if column == "accepted_count" or rows[column].any()
        ),
        barmode="stack",
        legend={"traceorder": "normal"},
        xaxis={
            "type": "category",
            "title": "file, in the order taken in",
            "showticklabels": len(names) <= FILES_NAMED,
            "showgrid": False,
        },
        yaxis={"title": "lines", "rangemode": "tozero"},
        showlegend=True,
    )


def _bars_of_reasons(by_reason: pd.Series[int]) -> go.Figure:
    """The place in the order stands before each: shortened, two reasons may be alike."""
    names = [f"{place}. {shortened(str(each), LETTERS_OF_A_REASON)}" for place, each in enumerate(by_reason.index, 1)]
    return figure(
        go.Bar(
            y=names[::-1],
            x=by_reason.iloc[::-1],
            text=list(by_reason.index[::-1]),
            textposition="none",
            hovertemplate="%{text}: %{x:,} lines<extra></extra>",
            orientation="h",
            marker_color=BLUE,
        ),
        height=120 + 28 * len(names),
        xaxis={"title": "refused lines", "rangemode": "tozero"},
    )
