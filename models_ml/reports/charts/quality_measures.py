"""Charts of the data against their own past: sessions a day, freshness, features, drift."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from scipy.stats import chi2, nbinom  # type: ignore[import-untyped]

from models_ml.reports.charts.intervals import band, translucent
from models_ml.reports.drawing import BLUE, COLOURS, GREY, ORANGE, RED, SKY, Drawing, NothingToShow, figure
from models_ml.reports.text import day, moment, number, percent, sentence

if TYPE_CHECKING:
    from datetime import date, timedelta

    from markupsafe import Markup
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

WEEK, WEEKS_BEFORE = 7, 4
# Of days like those before, one in a hundred lies outside.
COVERED = 0.99
# The median of a squared standard normal, and what taking the mean of four from each of them leaves of its variance.
MEDIAN_OF_CHI2, LEFT_BY_MEAN = 0.4549, 1 - 1 / WEEKS_BEFORE
# The variance of the median of four normal values, in theirs: D. Teichroew 1956, Ann. Math. Statist. 27, 410-426.
VARIANCE_OF_MEDIAN = 0.2982
# Four days without a session do not show that none can begin.
LEAST_EXPECTED = 0.5
# N. Siddiqi 2006, Credit Risk Scorecards, Wiley: above it a population has changed much.
MUCH_DRIFT, CHANCE = 0.25, 0.999
# P. C. Austin 2009, Statistics in Medicine 28, 3083-3107: up to it two groups are balanced.
LITTLE_CHANGE = 0.1
SCORE = "score"
# Of time, in hours.
UNITS = ((24.0, "days"), (1.0, "hours"), (1 / 60, "minutes"))
INPUTS_SHOWN, LINES_SHOWN = 20, 5
BAND = translucent(SKY, 0.28)


@dataclass(frozen=True)
class Forecast:
    """What four weeks let expect of a day, and the interval that days like those before keep within."""

    expected: float
    low: float
    high: float


def forecasts(counts: Numbers) -> list[Forecast | None]:
    """Of each of some days in a row, what the four weeks before it let expect; None without four whole weeks.

    Expected is the median of the same weekday. The interval is that of a negative binomial distribution whose variance
    is so many times its mean as the scatter of the four weeks has it (quasi-Poisson), and by how little four days tell:
    C. P. Farrington et al. 1996, J. R. Statist. Soc. A 159, 547-563; quantiles of the negative binomial by A. Noufaily
    et al. 2013, Statistics in Medicine 32, 1206-1222.
    """
    length = WEEK * WEEKS_BEFORE
    return [_forecast(counts[place - length : place]) if place >= length else None for place in range(len(counts))]


def sessions_expected(rows: pd.DataFrame) -> Drawing:
    """Sessions begun by date, with what the four weeks before let expect; `rows` are dates."""
    days = _every_day(rows)
    found = forecasts(np.asarray(days, dtype=np.float64))
    table = pd.DataFrame(
        {
            "Date": pd.DatetimeIndex(days.index).date,
            "Sessions": days.to_numpy(),
            "Expected": [each.expected if each else np.nan for each in found],
            "From": [each.low if each else np.nan for each in found],
            "To": [each.high if each else np.nan for each in found],
        }
    )
    judged = table.dropna()
    if judged.empty:
        raise NothingToShow(
            f"The log has no day with {WEEKS_BEFORE} weeks before it yet: take in more of it with `sparkhouse run`."
        )
    is_outside = (table.Sessions < table.From) | (table.Sessions > table.To)
    table["Outside"] = is_outside
    return Drawing(_band(table), _about_days(judged, table[is_outside], table.Date.iloc[-1]), table.iloc[::-1])


def freshness(rows: pd.DataFrame) -> Drawing:
    """How old the newest delivery was at each build; `rows` are builds, the newest first."""
    newest = rows.iloc[0]
    says = sentence(
        "The newest event is of {event}, and the newest file was taken in on {file}. When the state shown here was "
        "published, on {published}, the event was {event_age} old, and the file {file_age}.",
        event=moment(newest.newest_event_at),
        file=moment(newest.newest_file_at),
        published=moment(newest.newest_published_at),
        event_age=_lasting(newest.newest_published_at - newest.newest_event_at),
        file_age=_lasting(newest.newest_published_at - newest.newest_file_at),
    )
    hours = (rows.completed_at - rows.newest_ingested_at).dt.total_seconds() / 3600
    table = pd.DataFrame(
        {
            "Build": rows.build_id,
            "Complete": rows.completed_at,
            "Newest delivery in it": rows.newest_ingested_at,
            "Hours between": hours,
        }
    )
    return Drawing(_ages(rows.completed_at, hours) if len(rows) > 1 else None, says, table)


def feature_changes(rows: pd.DataFrame) -> Drawing:
    """Main features of the newest snapshot against the one before; `rows` are pairs of a snapshot and a feature."""
    dates = sorted(rows.as_of_date.unique())
    if len(dates) < 2:  # noqa: PLR2004 - one alone has nothing to be compared with
        raise NothingToShow("There is one snapshot so far: the next Monday of the log brings one to compare it with.")
    before, now = (rows[rows.as_of_date == date].set_index("feature") for date in dates)
    scatter = np.sqrt((before.deviation**2 + now.deviation**2) / 2)
    change = ((now["mean"] - before["mean"]) / scatter.where(scatter > 0)).astype(float)
    if change.isna().all():
        raise NothingToShow("No user of the two newest snapshots has values of these features that differ.")
    table = _features_table(before, now, change)
    nulls = now.null_count / now.user_count - before.null_count / before.user_count
    most, most_null = str(change.abs().idxmax()), str(nulls.abs().idxmax())
    says = sentence(
        "From {before} ({users_before} users) to {now} ({users_now} users), {moved} of {features} main features moved "
        "by more than {little} standard deviations (SD; orange). {most} moved most: its mean went from {mean_before} "
        "to {mean_now}. The largest change of a share of nulls is that of {most_null}, from {null_before} to "
        "{null_now}. Columns of the log itself are judged by the rule volumes.nulls.",
        before=day(dates[0]),
        now=day(dates[1]),
        users_before=number(int(before.user_count.max())),
        users_now=number(int(now.user_count.max())),
        moved=number(int((change.abs() > LITTLE_CHANGE).sum())),
        features=number(len(change)),
        little=number(LITTLE_CHANGE, 1),
        most=most,
        mean_before=number(float(before["mean"][most]), 2),
        mean_now=number(float(now["mean"][most]), 2),
        most_null=most_null,
        null_before=percent(before.null_count[most_null] / before.user_count[most_null], 1),
        null_now=percent(now.null_count[most_null] / now.user_count[most_null], 1),
    )
    return Drawing(_change_bars(change.dropna()), says, table)


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
        "(orange): a PSI of {much} and what chance adds among {rows} users. {score} Windows of a young log fill up, "
        "and move for that alone; the gate warns only where outcomes came in that the version does not know.",
        date=day(newest.as_of_date.iloc[0]),
        beyond=number(int(inputs.is_beyond.sum())),
        inputs=number(len(inputs)),
        version=str(newest.model_version.iloc[0]),
        much=number(MUCH_DRIFT, 2),
        rows=number(int(newest.scored_rows.max())),
        score=_about_score(newest),
    )
    return Drawing(_drift_bars(newest.nlargest(INPUTS_SHOWN, "psi").iloc[::-1]), says, _drift_table(newest))


def _forecast(before: Numbers) -> Forecast:
    by_weekday = before.reshape(WEEKS_BEFORE, WEEK)
    expected = float(np.median(by_weekday[:, 0]))
    mean = max(expected, LEAST_EXPECTED)
    scatter = _scatter(by_weekday)
    variance = mean * scatter * (1 + VARIANCE_OF_MEDIAN)
    tail = (1 - COVERED) / 2
    distribution = nbinom(mean**2 / (variance - mean), mean / variance)
    return Forecast(expected, float(distribution.ppf(tail)), float(distribution.ppf(1 - tail)))


def _scatter(by_weekday: Numbers) -> float:
    """How many times the variance around the weekdays is that of chance, at least 1; one bad day has no say."""
    means = by_weekday.mean(axis=0)
    is_used = means > 0
    if not is_used.any():
        return 1.0
    squares = (by_weekday[:, is_used] - means[is_used]) ** 2 / means[is_used]
    return max(1.0, float(np.median(squares)) / MEDIAN_OF_CHI2 / LEFT_BY_MEAN)


def _every_day(rows: pd.DataFrame) -> pd.Series[int]:
    """The sessions of each date from the first to the last."""
    return pd.Series(rows.session_count.to_numpy(), pd.DatetimeIndex(rows.event_date)).asfreq("D", fill_value=0)


def _band(table: pd.DataFrame) -> go.Figure:
    judged, outside = table.dropna(), table[table.Outside]
    return figure(
        *band(judged.Date, (judged.From, judged.To), BAND, "99 of 100 such days"),
        go.Scatter(x=judged.Date, y=judged.Expected, name="expected", line={"color": SKY, "dash": "dot"}),
        go.Scatter(x=table.Date, y=table.Sessions, name="sessions", line={"color": BLUE, "width": 2}),
        go.Scatter(
            x=outside.Date,
            y=outside.Sessions,
            name="outside",
            mode="markers",
            marker={"color": RED, "size": 11, "symbol": "diamond-open", "line": {"width": 3}},
        ),
        yaxis={"rangemode": "tozero", "title": "sessions begun a day"},
    )


def _about_days(judged: pd.DataFrame, outside: pd.DataFrame, last: date) -> Markup:
    begin = sentence(
        "{outside} of {judged} days lie outside the interval that 99 in 100 days like those of the four weeks before "
        "them keep within; chance alone would bring about {chance}. ",
        chance=number((1 - COVERED) * len(judged), 1),
        outside=number(len(outside)),
        judged=number(len(judged)),
    )
    end = sentence(
        "A service that grows or shrinks leaves it, too. This is a picture: the word of the gate, by its richer rule "
        "volumes.day, is in The last audit."
    )
    if outside.empty:
        return begin + end
    newest = outside.iloc[-1]
    words = "The newest of them is {day}, with {sessions} sessions where {low} to {high} were to be expected"
    may_be_cut = (
        "; the log may end within that day. " if newest.Date == last and newest.Sessions < newest.From else ". "
    )
    told = sentence(
        words + may_be_cut,
        day=day(newest.Date),
        sessions=number(int(newest.Sessions)),
        low=number(newest.From),
        high=number(newest.To),
    )
    return begin + told + end


def _lasting(time: timedelta) -> Markup:
    """A span, in the largest unit of which it has two."""
    hours = time.total_seconds() / 3600
    length, unit = next((each for each in UNITS if hours >= 2 * each[0]), UNITS[-1])
    return sentence("{count} {unit}", count=number(hours / length), unit=unit)


def _ages(completed: pd.Series[Any], hours: pd.Series[float]) -> go.Figure:
    """In the largest unit of which the oldest has two."""
    length, unit = next((each for each in UNITS if hours.max() >= 2 * each[0]), UNITS[-1])
    return figure(
        go.Scatter(x=completed, y=hours / length, mode="lines+markers", line={"color": BLUE}, name="age"),
        xaxis={"title": "build complete, UTC"},
        yaxis={"rangemode": "tozero", "title": f"age of the newest delivery, {unit}"},
        showlegend=False,
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
    ordered = change.loc[change.abs().sort_values().index]
    reach = max(2.5 * LITTLE_CHANGE, 1.1 * float(change.abs().max()))
    little = {"type": "rect", "xref": "x", "yref": "paper", "x0": -LITTLE_CHANGE, "x1": LITTLE_CHANGE, "y0": 0, "y1": 1}
    return figure(
        go.Bar(
            y=list(ordered.index),
            x=ordered,
            orientation="h",
            marker_color=[ORANGE if abs(value) > LITTLE_CHANGE else BLUE for value in ordered],
            hovertemplate="%{y}: %{x:.2f}<extra></extra>",
        ),
        height=110 + 26 * len(ordered),
        xaxis={"range": [-reach, reach], "title": "change, in SD"},
        shapes=[little | {"fillcolor": "rgba(127,127,127,0.2)", "line": {"width": 0}, "layer": "below"}],
        showlegend=False,
    )


def _limited(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with the limit of each index: what much drift is, and what chance adds.

    Of n and m rows of one distribution, the index is about (1 / n + 1 / m) times a chi-square of one degree of freedom
    less than bins: B. Yurdakul 2018, Statistical Properties of Population Stability Index, Western Michigan University.
    """
    chance = (1 / rows.train_rows + 1 / rows.scored_rows) * chi2.ppf(CHANCE, (rows.bins - 1).clip(lower=1))
    limit = MUCH_DRIFT + chance
    return rows.assign(limit=limit, in_limits=rows.psi / limit, is_beyond=rows.psi > limit)


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
