"""Charts of the data against their own past: sessions a day, freshness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from scipy.stats import nbinom  # type: ignore[import-untyped]

from models_ml.reports.charts.intervals import band, translucent
from models_ml.reports.drawing import BLUE, RED, SKY, Drawing, NothingToShow, figure
from models_ml.reports.text import day, moment, number, sentence

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
# Of time, in hours.
UNITS = ((24.0, "days"), (1.0, "hours"), (1 / 60, "minutes"))
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
