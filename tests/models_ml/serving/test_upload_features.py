"""What the app computes of an uploaded log: the lists are those of the warehouse's macros, the cases by hand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from models_ml.serving.uploads.events import BEFORE_ALL, Event, Log, Profile, User, stretch_of, stretches
from models_ml.serving.uploads.features import features
from models_ml.serving.uploads.pages import CANCELLED, KNOWN_PAGES, MEASURES, RECENCY

REPOSITORY = Path(__file__).resolve().parents[3]
MACROS = REPOSITORY / "warehouse" / "macros"
DAY = 86_400_000
NOBODY = Profile(0, None, None, None)


def pairs(macro: str) -> dict[str, str]:
    return dict(re.findall(r"'(\w+)': '([\w ]+)'", (MACROS / "features" / f"{macro}.sql").read_text()))


def happened(ts: float, page: str = "NextSong", level: str | None = "free", session: int = 1) -> Event:
    """An event at a moment in days since 1970."""
    return Event(int(ts * DAY), session, BEFORE_ALL, f"{ts} {page} {session}".encode(), page, level)


def user(*events: Event, profile: Profile = NOBODY) -> User:
    found = User()
    for event in events:
        found.add(event, profile)
    return found


def test_pages_are_those_of_the_macros() -> None:
    assert {name: page for page, name in MEASURES.items()} == pairs("page_measures")
    assert {name: page for page, name in RECENCY.items()} == pairs("recency_pages")
    others = re.findall(r"'([\w ]+)'", (MACROS / "log" / "known_pages.sql").read_text())
    assert {*MEASURES, *others} == KNOWN_PAGES


def test_limits_of_stretches_are_those_of_the_project() -> None:
    from models_ml.serving.uploads.events import CLOSING_DATE_MIN_SHARE, STRETCH_GAP_DAYS

    project = (REPOSITORY / "warehouse" / "dbt_project.yml").read_text()
    assert f"stretch_gap_days: {STRETCH_GAP_DAYS}" in project
    assert f"closing_date_min_share: {CLOSING_DATE_MIN_SHARE}" in project


def test_windows_see_the_days_before_a_snapshot_and_never_its_own() -> None:
    found = features(user(happened(10.5), happened(12.5), happened(13.0)), 13, 10 * DAY)
    assert (found["song_count_1d"], found["song_count_3d"], found["song_count_lifetime"]) == (1, 2, 2)
    assert found["days_since_last_song"] == 0.5
    assert found["active_day_count_28d"] == 2
    assert found["days_since_last_error"] is None


def test_a_row_without_a_level_is_on_the_last_known_one() -> None:
    events = [
        happened(1.1, level=None),
        happened(1.2, "Submit Upgrade", "free"),
        happened(1.3, level=None),
        happened(1.4, "Cancel", "free"),
        happened(1.5, "Roll Advert", None),
    ]
    found = features(user(*events), 2, DAY)
    assert (found["paid_song_count_lifetime"], found["free_song_count_lifetime"]) == (1, 0)
    assert found["paid_advert_count_lifetime"] == 1
    assert found["level"] == "paid"
    assert found["event_count_lifetime"] == 4


def test_a_session_counts_on_its_first_date_and_not_by_the_cancel_flow_alone() -> None:
    found = features(
        user(happened(1.9), happened(2.1), happened(2.5, "Cancel", session=2), happened(3.1, session=2)), 4, 0
    )
    assert (found["session_count_lifetime"], found["session_count_1d"]) == (1, 0)


def test_who_cancelled_is_a_member_again_with_the_next_session() -> None:
    left = user(happened(1.0), happened(2.0, CANCELLED), happened(2.1), happened(4.0, session=2))
    assert [left.is_member(int(moment * DAY)) for moment in (1.0, 1.5, 2.05, 3.0, 4.5)] == [
        False,
        True,
        False,
        False,
        True,
    ]
    assert not user(happened(2.0, CANCELLED)).is_member(3 * DAY)


def test_the_profile_is_that_of_the_first_event_in_any_order() -> None:
    first, later = Profile(DAY, "F", "New York, NY-NJ", '"iPad; Macintosh"'), Profile(DAY, "M", None, None)
    log = Log()
    log.add("7", happened(5.5), later)
    log.add("7", happened(5.1), first)
    log.add("7", happened(5.1), later)
    found = features(log.users["7"], 6, 5 * DAY)
    assert (found["gender"], found["state"], found["device_family"]) == ("F", "NY", "iPad")
    assert (found["days_since_registration"], found["days_observed"]) == (5.0, 1.0)
    assert log.distinct == 2


def test_a_long_silence_begins_a_stretch_and_stray_rows_close_none() -> None:
    busy = [happened(day + hour / 40, session=day) for day in (40, 41, 42) for hour in range(20)]
    found = stretches([user(happened(1.5), *busy, happened(43.5))])
    assert [(each.first_day, each.closing_day) for each in found] == [(1, 1), (40, 42)]
    assert stretch_of(found, 43) == found[1]
    assert stretch_of(found, 44) is None
    assert stretches([]) == []


@pytest.mark.parametrize("location", ["Nowhere", "", None])
def test_odd_locations_are_states_as_the_warehouse_has_them(location: str | None) -> None:
    found = features(user(happened(1.1), profile=Profile(0, None, location, None)), 2, DAY)
    assert found["state"] == location
    assert found["device_family"] is None
