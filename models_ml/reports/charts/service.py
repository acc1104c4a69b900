"""Charts of the service: who uses it, when, where, on what, and for what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import plotly.graph_objects as go

from models_ml.reports.charts.tiles import STATE_TILES, state_tiles
from models_ml.reports.drawing import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PINK,
    RED,
    SEQUENTIAL,
    SKY,
    Drawing,
    NothingToShow,
    figure,
)
from models_ml.reports.text import day, number, percent, sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
TOP = 15
END = "(end of session)"
# From the first page to a listener who pays; each step is of the users who were seen on it.
FUNNEL = ("Home", "NextSong", "Thumbs Up", "Upgrade", "Submit Upgrade")
LINKS_SHOWN = 24


def active_users(rows: pd.DataFrame) -> Drawing:
    """Users a day and in the seven days up to it; `rows` are dates."""
    last, best = rows.iloc[-1], _first_of_most(rows, "active_user_count")
    says = sentence(
        "On {date}, {active} users were active, and {week} in the seven days up to it. The busiest day was {best}, "
        "with {most}.",
        date=day(last.event_date),
        active=number(last.active_user_count),
        week=number(last.active_user_count_7d),
        best=day(best.event_date),
        most=number(best.active_user_count),
    )
    drawn = figure(
        _line(rows, "active_user_count_7d", "in 7 days", SKY),
        _line(rows, "active_user_count", "on the day", BLUE),
        yaxis={"rangemode": "tozero", "title": "users"},
    )
    return Drawing(drawn, says)


def plays(rows: pd.DataFrame) -> Drawing:
    """Songs and hours of them, by date."""
    says = sentence(
        "{songs} songs were played, {hours} hours of them: {each} songs for each user and day of use.",
        songs=number(rows.song_count.sum()),
        hours=number(rows.listening_hours.sum()),
        each=number(_ratio(rows.song_count.sum(), rows.active_user_count.sum()), 1),
    )
    drawn = figure(
        _line(rows, "song_count", "songs", BLUE),
        _line(rows, "advert_count", "adverts", ORANGE),
        yaxis={"rangemode": "tozero", "title": "a day"},
    )
    return Drawing(drawn, says)


def sessions(rows: pd.DataFrame) -> Drawing:
    """Sessions begun, by date, with the mean of the seven days around."""
    weekly = rows.session_count.rolling(7, min_periods=1).mean()
    is_weekend = pd.to_datetime(rows.event_date).dt.dayofweek >= 5  # noqa: PLR2004 - Saturday
    ratio = _ratio(rows.session_count[is_weekend].mean(), rows.session_count[~is_weekend].mean())
    says = sentence(
        "{sessions} sessions began, {mean} a day. A day of the weekend had {ratio} of the sessions of a weekday.",
        sessions=number(rows.session_count.sum()),
        mean=number(rows.session_count.mean()),
        ratio=percent(ratio),
    )
    drawn = figure(
        go.Bar(x=rows.event_date, y=rows.session_count, name="sessions", marker_color=SKY),
        go.Scatter(x=rows.event_date, y=weekly, name="mean of 7 days", line={"color": BLUE, "width": 3}),
        yaxis={"rangemode": "tozero", "title": "sessions a day"},
    )
    return Drawing(drawn, says)


def changes(rows: pd.DataFrame) -> Drawing:
    """Upgrades, downgrades and cancellations, by week."""
    weekly = _by_week(rows, ["upgrade_count", "downgrade_count", "cancellation_count"])
    says = sentence(
        "{upgrades} upgrades, {downgrades} downgrades and {cancellations} cancellations in all.",
        upgrades=number(rows.upgrade_count.sum()),
        downgrades=number(rows.downgrade_count.sum()),
        cancellations=number(rows.cancellation_count.sum()),
    )
    drawn = figure(
        go.Bar(x=weekly.index, y=weekly.upgrade_count, name="upgrades", marker_color=GREEN),
        go.Bar(x=weekly.index, y=weekly.downgrade_count, name="downgrades", marker_color=ORANGE),
        go.Bar(x=weekly.index, y=weekly.cancellation_count, name="cancellations", marker_color=RED),
        yaxis={"title": "in the week from that Monday"},
    )
    return Drawing(drawn, says)


def new_users(rows: pd.DataFrame) -> Drawing:
    """Users seen for the first time, by week."""
    weekly = _by_week(rows, ["new_user_count"])
    says = sentence(
        "{users} users were seen for the first time; in the first week of a log most of them are old users. In the "
        "last week there were {last}.",
        users=number(rows.new_user_count.sum()),
        last=number(weekly.new_user_count.iloc[-1]),
    )
    drawn = figure(
        go.Bar(x=weekly.index, y=weekly.new_user_count, marker_color=BLUE, name="new users"),
        yaxis={"title": "in the week from that Monday"},
        showlegend=False,
    )
    return Drawing(drawn, says)


def hours_of_the_week(rows: pd.DataFrame) -> Drawing:
    """Events by weekday and hour (UTC); `rows` are pairs of both."""
    table = rows.pivot_table(index="weekday", columns="hour", values="event_count", aggfunc="sum", fill_value=0)
    table = table.reindex(index=range(7), columns=range(24), fill_value=0)
    busiest = _first_of_most(rows, "event_count")
    says = sentence(
        "The busiest hour is {weekday} from {hour}:00 UTC on, with {share} of all events; spread evenly, each hour "
        "would have {even}.",
        weekday=WEEKDAYS[int(busiest.weekday)],
        hour=f"{int(busiest.hour):02d}",
        share=percent(_ratio(busiest.event_count, rows.event_count.sum()), 1),
        even=percent(1 / (7 * 24), 1),
    )
    drawn = figure(
        go.Heatmap(
            z=table.to_numpy(),
            x=list(range(24)),
            y=list(WEEKDAYS),
            colorscale=SEQUENTIAL,
            colorbar={"title": "events"},
            hovertemplate="%{y}, %{x}:00 UTC: %{z:,} events<extra></extra>",
        ),
        xaxis={"title": "hour of the day, UTC", "dtick": 3},
        yaxis={"autorange": "reversed"},
    )
    return Drawing(drawn, says)


def levels(rows: pd.DataFrame) -> Drawing:
    """Active users by level; `rows` are dates."""
    paid, free = rows.paid_user_count.sum(), rows.free_user_count.sum()
    says = sentence(
        "Of those active on a day, {share} were on the paid level at some time of it; on the last day {last}.",
        share=percent(_ratio(paid, paid + free)),
        last=percent(
            _ratio(rows.paid_user_count.iloc[-1], rows.iloc[-1][["paid_user_count", "free_user_count"]].sum())
        ),
    )
    drawn = figure(
        _area(rows, "free_user_count", "free", SKY),
        _area(rows, "paid_user_count", "paid", BLUE),
        yaxis={"title": "active users a day"},
    )
    return Drawing(drawn, says)


def states(rows: pd.DataFrame) -> Drawing:
    """A map of the United States, a tile a state; `rows` are metros of states, the table lists them."""
    by_state = rows.groupby("state")[["user_count", "cancelled_user_count"]].sum()
    known = by_state[by_state.index.isin(list(STATE_TILES))]
    table = rows.assign(share=rows.cancelled_user_count / rows.user_count).rename(
        columns={
            "state": "State",
            "metro": "Metro",
            "user_count": "Users",
            "cancelled_user_count": "Cancelled",
            "share": "Share cancelled",
        }
    )
    if known.empty:
        raise NothingToShow("No user of this log lives in a state of the United States.")
    most = str(known.user_count.idxmax())
    says = sentence(
        "Most users live in {state}: {users}, {share} of all. In {none} states there is none.",
        state=most,
        users=number(known.user_count[most]),
        share=percent(_ratio(known.user_count[most], by_state.user_count.sum())),
        none=number(len(STATE_TILES) - len(known)),
    )
    drawn = state_tiles(known.user_count, "users", "%{z:,} users", ",d")
    return Drawing(drawn, says, table)


def devices(rows: pd.DataFrame) -> Drawing:
    """Users by device and browser; `rows` are pairs of both."""
    by_device = rows.groupby("device_family").user_count.sum().sort_values(ascending=False)
    says = sentence(
        "{share} of the users come with {device}.",
        share=percent(_ratio(by_device.iloc[0], by_device.sum())),
        device=str(by_device.index[0]),
    )
    table = rows.pivot_table(index="browser", columns="device_family", values="user_count", fill_value=0)
    drawn = figure(
        *(
            go.Bar(
                y=list(by_device.index)[::-1],
                x=table.reindex(columns=by_device.index[::-1]).loc[browser],
                name=str(browser),
                orientation="h",
            )
            for browser in table.index
        ),
        barmode="stack",
        xaxis={"title": "users"},
    )
    return Drawing(drawn, says)


def artists(rows: pd.DataFrame) -> Drawing:
    """The artists played most; `rows` are artists, the most played first."""
    top = rows.head(TOP).iloc[::-1]
    says = sentence(
        "{artist} was played most: {plays} times.",
        artist=str(rows.artist.iloc[0]),
        plays=number(rows.play_count.iloc[0]),
    )
    drawn = figure(_bars(top.artist, top.play_count, BLUE), height=460, xaxis={"title": "plays"}, showlegend=False)
    table = rows.rename(columns={"artist": "Artist", "play_count": "Plays", "song_count": "Songs"})
    return Drawing(drawn, says, table)


def songs(rows: pd.DataFrame) -> Drawing:
    """The songs played most; `rows` are songs, the most played first."""
    top = rows.head(TOP).iloc[::-1]
    says = sentence(
        "“{song}” by {artist} was played most: {plays} times, by {listeners} users.",
        song=str(rows.song.iloc[0]),
        artist=str(rows.artist.iloc[0]),
        plays=number(rows.play_count.iloc[0]),
        listeners=number(rows.listener_count.iloc[0]),
    )
    names = [f"{song} ({artist})" for song, artist in zip(top.song, top.artist, strict=True)]
    drawn = figure(_bars(names, top.play_count, PINK), height=460, xaxis={"title": "plays"}, showlegend=False)
    table = rows.rename(
        columns={"artist": "Artist", "song": "Song", "play_count": "Plays", "listener_count": "Listeners"}
    )
    return Drawing(drawn, says, table)


def funnel(rows: pd.DataFrame) -> Drawing:
    """Views of the pages from the first to the upgrade; `rows` are pairs of a page and the next."""
    views = rows.groupby("page").view_count.sum()
    steps = [page for page in FUNNEL if page in views.index]
    if len(steps) < 2:  # noqa: PLR2004 - a funnel has two ends
        raise NothingToShow("The log has fewer than two of the pages from Home to Submit Upgrade.")
    says = sentence(
        "Of {views} views of Upgrade, {share} were followed by an upgrade in the end.",
        views=number(views.get("Upgrade", 0)),
        share=percent(_ratio(views.get("Submit Upgrade", 0), views.get("Upgrade", 0))),
    )
    drawn = figure(
        go.Bar(
            y=steps[::-1],
            x=[views[step] for step in steps[::-1]],
            orientation="h",
            marker_color=BLUE,
            text=[f"{views[step]:,}" for step in steps[::-1]],
        ),
        xaxis={"type": "log", "title": "views (each line is ten times the one before)"},
        showlegend=False,
    )
    return Drawing(drawn, says)


def flow(rows: pd.DataFrame) -> Drawing:
    """Where users go from each page, as a Sankey diagram of the most frequent steps, songs in a row left out."""
    steps = rows[rows.page != rows.next_page].nlargest(LINKS_SHOWN, "view_count")
    if steps.empty:
        raise NothingToShow("No session of the log has two pages.")
    ends = rows[rows.next_page == END]
    most = _first_of_most(ends, "view_count")
    names = [*dict.fromkeys(steps.page), *dict.fromkeys(f"{page} " for page in steps.next_page)]
    places = {name: place for place, name in enumerate(names)}
    says = sentence(
        "{share} of the sessions end on {page}. Shown are the {links} most frequent steps from a page to another.",
        share=percent(_ratio(most.view_count, ends.view_count.sum())),
        page=str(most.page),
        links=number(len(steps)),
    )
    drawn = figure(
        go.Sankey(
            node={"label": names, "color": GREY, "pad": 12},
            link={
                "source": [places[page] for page in steps.page],
                "target": [places[f"{page} "] for page in steps.next_page],
                "value": steps.view_count.tolist(),
                "color": "rgba(127, 127, 127, 0.35)",
            },
        ),
        height=520,
    )
    table = rows.rename(columns={"page": "Page", "next_page": "Next", "view_count": "Views", "user_count": "Users"})
    return Drawing(drawn, says, table)


def session_lengths(rows: pd.DataFrame) -> Drawing:
    """Sessions by their length; `rows` are quarters of an hour."""
    total = rows.session_count.sum()
    middle = rows[rows.session_count.cumsum() >= total / 2].minutes_from.iloc[0]
    says = sentence(
        "Half of the sessions are over after {minutes} minutes. Sessions of eight hours and more are not shown.",
        minutes=number(middle + 15),
    )
    drawn = figure(
        go.Bar(x=rows.minutes_from / 60, y=rows.session_count, offset=0, width=0.25, marker_color=BLUE),
        xaxis={"title": "hours from the first event of a session to its last"},
        yaxis={"title": "sessions"},
        showlegend=False,
    )
    return Drawing(drawn, says)


def _line(rows: pd.DataFrame, column: str, name: str, colour: str) -> go.Scatter:
    return go.Scatter(x=rows.event_date, y=rows[column], name=name, line={"color": colour, "width": 2})


def _area(rows: pd.DataFrame, column: str, name: str, colour: str) -> go.Scatter:
    return go.Scatter(x=rows.event_date, y=rows[column], name=name, stackgroup="all", line={"color": colour})


def _bars(names: Sequence[str] | pd.Series[str], values: pd.Series[int], colour: str) -> go.Bar:
    return go.Bar(y=list(names), x=values, orientation="h", marker_color=colour)


def _by_week(rows: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """The sums by week, named for their Monday."""
    dates = pd.to_datetime(rows.event_date)
    return rows[columns].groupby(dates - pd.to_timedelta(dates.dt.dayofweek, unit="D")).sum()


def _first_of_most(rows: pd.DataFrame, column: str) -> pd.Series[Any]:
    return rows.iloc[int(rows[column].to_numpy().argmax())]


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None
