"""Charts of the service on a few rows: what they draw, and what they say."""

from __future__ import annotations

import pandas as pd
import pytest

from models_ml.reports.charts import service
from models_ml.reports.charts.tiles import STATE_TILES
from models_ml.reports.drawing import NothingToShow


@pytest.fixture
def days() -> pd.DataFrame:
    """Nine days from Monday on: the weekend has half of the sessions, the second week has begun."""
    dates = pd.date_range("2018-10-01", periods=9).date
    return pd.DataFrame(
        {
            "event_date": dates,
            "active_user_count": [10, 12, 11, 10, 9, 5, 5, 10, 8],
            "active_user_count_7d": [10, 15, 18, 20, 21, 21, 22, 22, 20],
            "new_user_count": [10, 5, 3, 2, 1, 0, 1, 4, 2],
            "session_count": [20, 20, 20, 20, 20, 10, 10, 20, 20],
            "song_count": [100] * 9,
            "advert_count": [10] * 9,
            "upgrade_count": [1, 0, 0, 0, 0, 0, 1, 2, 0],
            "downgrade_count": [0, 0, 1, 0, 0, 0, 0, 0, 0],
            "cancellation_count": [0, 0, 0, 1, 0, 0, 0, 0, 3],
            "listening_hours": [7.0] * 9,
        }
    )


def said(drawing: object) -> str:
    return str(drawing.says.striptags())  # type: ignore[attr-defined]


def test_active_users_are_told_for_the_last_day_and_the_busiest(days: pd.DataFrame) -> None:
    drawing = service.active_users(days)
    assert said(drawing) == (
        "On 2018-10-09, 8 users were active, and 20 in the seven days up to it. "
        "The busiest day was 2018-10-02, with 12."
    )
    assert drawing.figure is not None
    assert [list(trace.y) for trace in drawing.figure.data] == [
        list(days.active_user_count_7d),
        list(days.active_user_count),
    ]


def test_plays_are_told_with_their_hours_and_for_each_user_and_day(days: pd.DataFrame) -> None:
    assert (
        said(service.plays(days)) == "900 songs were played, 63 hours of them: 11.2 songs for each user and day of use."
    )


def test_a_weekend_is_set_beside_the_weekdays(days: pd.DataFrame) -> None:
    assert "A day of the weekend had 50% of the sessions of a weekday." in said(service.sessions(days))


def test_changes_are_summed_by_the_week_of_their_monday(days: pd.DataFrame) -> None:
    drawing = service.changes(days)
    assert said(drawing) == "4 upgrades, 1 downgrades and 4 cancellations in all."
    assert drawing.figure is not None
    upgrades, downgrades, cancellations = drawing.figure.data
    assert [str(monday)[:10] for monday in upgrades.x] == ["2018-10-01", "2018-10-08"]
    assert (list(upgrades.y), list(downgrades.y), list(cancellations.y)) == ([2, 2], [1, 0], [1, 3])


def test_new_users_of_the_last_week_are_told(days: pd.DataFrame) -> None:
    assert "In the last week there were 6." in said(service.new_users(days))


def test_the_busiest_hour_of_the_week_is_told_and_hours_without_events_are_drawn() -> None:
    rows = pd.DataFrame({"weekday": [0, 4], "hour": [3, 18], "event_count": [25, 75]})
    drawing = service.hours_of_the_week(rows)
    assert said(drawing).startswith("The busiest hour is Friday from 18:00 UTC on, with 75.0% of all events")
    assert drawing.figure is not None
    heat = drawing.figure.data[0].z
    assert (heat.shape, heat[4, 18], heat[6, 0]) == ((7, 24), 75, 0)


def test_levels_are_shares_of_the_active(days: pd.DataFrame) -> None:
    rows = pd.DataFrame({"event_date": days.event_date[:2], "paid_user_count": [6, 9], "free_user_count": [4, 1]})
    assert said(service.levels(rows)) == (
        "Of those active on a day, 75% were on the paid level at some time of it; on the last day 90%."
    )


def test_states_are_tiles_of_the_map_and_metros_a_table() -> None:
    rows = pd.DataFrame(
        {
            "state": ["CA", "CA", "NY", "??"],
            "metro": ["Los Angeles", "Fresno", "New York", "elsewhere"],
            "user_count": [3, 1, 4, 2],
            "cancelled_user_count": [1, 0, 1, 0],
        }
    )
    drawing = service.states(rows)
    assert said(drawing) == f"Most users live in CA: 4, 40% of all. In {len(STATE_TILES) - 2} states there is none."
    assert drawing.table is not None
    assert list(drawing.table.columns) == ["State", "Metro", "Users", "Cancelled", "Share cancelled"]
    assert drawing.table["Share cancelled"].iloc[2] == pytest.approx(0.25)
    with pytest.raises(NothingToShow, match="United States"):
        service.states(rows[rows.state == "??"])


def test_all_states_have_a_tile_of_their_own() -> None:
    assert len(STATE_TILES) == 51
    assert len(set(STATE_TILES.values())) == 51


def test_devices_are_stacked_by_browser() -> None:
    rows = pd.DataFrame(
        {
            "device_family": ["Windows", "Mac", "Windows"],
            "browser": ["Chrome", "Safari", "Firefox"],
            "user_count": [5, 2, 3],
        }
    )
    drawing = service.devices(rows)
    assert said(drawing) == "80% of the users come with Windows."
    assert drawing.figure is not None
    assert {trace.name: dict(zip(trace.y, trace.x, strict=True)) for trace in drawing.figure.data} == {
        "Chrome": {"Mac": 0, "Windows": 5},
        "Firefox": {"Mac": 0, "Windows": 3},
        "Safari": {"Mac": 2, "Windows": 0},
    }


def test_artists_and_songs_are_listed_from_the_most_played_on() -> None:
    artists = pd.DataFrame({"artist": ["Muse", "Coldplay"], "play_count": [9, 5], "song_count": [2, 1]})
    songs = pd.DataFrame(
        {"artist": ["Muse", "Muse"], "song": ["Starlight", "Uprising"], "play_count": [6, 3], "listener_count": [2, 1]}
    )
    drawn = service.artists(artists)
    assert said(drawn) == "Muse was played most: 9 times."
    assert drawn.figure is not None
    assert list(drawn.figure.data[0].y) == ["Coldplay", "Muse"]
    assert said(service.songs(songs)) == "“Starlight” by Muse was played most: 6 times, by 2 users."


@pytest.fixture
def steps() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "page": ["Home", "NextSong", "NextSong", "NextSong", "Upgrade", "Submit Upgrade"],
            "next_page": ["NextSong", "NextSong", "Upgrade", service.END, "Submit Upgrade", service.END],
            "view_count": [50, 400, 20, 60, 5, 5],
            "user_count": [10, 10, 8, 10, 5, 5],
        }
    )


def test_the_funnel_counts_views_of_each_page(steps: pd.DataFrame) -> None:
    drawing = service.funnel(steps)
    assert drawing.figure is not None
    bars = drawing.figure.data[0]
    assert dict(zip(bars.y, bars.x, strict=True)) == {"Home": 50, "NextSong": 480, "Upgrade": 5, "Submit Upgrade": 5}
    with pytest.raises(NothingToShow, match="fewer than two"):
        service.funnel(steps[steps.page == "NextSong"])


def test_the_flow_leaves_songs_in_a_row_out_and_tells_where_sessions_end(steps: pd.DataFrame) -> None:
    drawing = service.flow(steps)
    assert said(drawing).startswith("92% of the sessions end on NextSong.")
    assert drawing.figure is not None
    assert sorted(drawing.figure.data[0].link.value) == [5, 5, 20, 50, 60]
    with pytest.raises(NothingToShow, match="two pages"):
        service.flow(steps[steps.page == steps.next_page])


def test_half_of_the_sessions_are_over_at_the_median() -> None:
    rows = pd.DataFrame({"minutes_from": [0, 15, 30], "session_count": [2, 5, 3], "song_count": [1, 2, 3]})
    assert said(service.session_lengths(rows)).startswith("Half of the sessions are over after 30 minutes.")
