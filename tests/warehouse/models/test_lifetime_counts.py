"""Lifetime features at the end of a log against the log itself, and against the definitions of the published table."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from real_users import append_real_users

from cli.jobs import building, landing

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession

    from cli.machine.home import Home

END = date(2018, 12, 1)
PAGES = {
    "about_count": "About",
    "advert_count": "Roll Advert",
    "downgrade_count": "Submit Downgrade",
    "downgrade_page_count": "Downgrade",
    "error_count": "Error",
    "friend_add_count": "Add Friend",
    "help_count": "Help",
    "home_count": "Home",
    "logout_count": "Logout",
    "playlist_add_count": "Add to Playlist",
    "settings_count": "Settings",
    "settings_save_count": "Save Settings",
    "song_count": "NextSong",
    "thumbs_down_count": "Thumbs Down",
    "thumbs_up_count": "Thumbs Up",
    "upgrade_count": "Submit Upgrade",
    "upgrade_page_count": "Upgrade",
}


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory, shared_or_none: Path | None) -> Path:
    """A simulated log of a few users, with the two complete real users in it where they are to hand."""
    from warehouse.landing.simulator import SimulationSpec, simulate

    path = tmp_path_factory.mktemp("log") / "events.json"
    simulate(SimulationSpec(users=12, ids="random", seed=3), path)
    append_real_users(path, shared_or_none)
    return path


@pytest.fixture(scope="module")
def lifetimes(empty_warehouse: SparkSession, home: Home, log: Path) -> pd.DataFrame:
    """The features of the one snapshot that stands at the end of the log, by user."""
    from cli.jobs.workspace import Workspace
    from cli.runs.steps import Steps

    workspace = Workspace(empty_warehouse, home, Steps(quiet=True))
    landing.ingest(workspace, [log])
    building.build(workspace, *building.backfill_options(workspace.home, END, END))
    features = empty_warehouse.table("marts.fct_user_features").where(f"as_of_date = date'{END}'").toPandas()
    return features.set_index("user_id")


def counted(log: Path) -> pd.DataFrame:
    """The same counts from the raw lines, by user, as the per-user tables define them."""
    events = pd.read_json(log, lines=True, dtype={"userId": str})
    events = events[events["registration"].notna()]
    users = events.groupby("userId")
    counts = pd.DataFrame(
        {name: (events["page"] == page).groupby(events["userId"]).sum() for name, page in PAGES.items()}
    )
    session = events.groupby(["userId", "sessionId"])["ts"].agg(["min", "max"])
    minutes = (session["max"] - session["min"]) / 60_000
    counts["is_churned"] = (events["page"] == "Cancellation Confirmation").groupby(events["userId"]).any()
    counts["event_count"] = users.size()
    counts["session_count"] = users["sessionId"].nunique()
    counts["distinct_song_count"] = users["song"].nunique()
    counts["distinct_artist_count"] = users["artist"].nunique()
    counts["listening_hours"] = users["length"].sum() / 3600
    counts["session_minutes_mean"] = minutes.groupby("userId").mean()
    counts["songs_per_session"] = counts["song_count"] / counts["session_count"]
    starts = session["min"].sort_values()
    gaps = starts.groupby("userId").shift(-1) - session["max"].loc[starts.index]
    counts["session_gap_hours_mean"] = (gaps / 3_600_000).groupby("userId").mean()
    return counts


def test_lifetime_features_equal_the_counts_of_the_raw_lines(lifetimes: pd.DataFrame, log: Path) -> None:
    wanted = counted(log)
    wanted = wanted[~wanted["is_churned"]].drop(columns="is_churned")
    found = lifetimes.rename(columns=lambda name: name.removesuffix("_lifetime"))[wanted.columns].loc[wanted.index]
    assert len(wanted) > 5
    assert set(wanted.index) == set(lifetimes.index)
    pd.testing.assert_frame_equal(found, wanted, check_dtype=False, check_names=False)


def test_days_add_up_to_the_counts_of_the_raw_lines_for_those_who_left_too(
    lifetimes: pd.DataFrame, empty_warehouse: SparkSession, log: Path
) -> None:
    assert len(lifetimes)
    sums = ", ".join(f"sum({name}) as {name}" for name in (*PAGES, "session_count"))
    days = empty_warehouse.sql(f"select user_id, {sums} from intermediate.int_user_days group by user_id").toPandas()
    wanted = counted(log)
    assert wanted["is_churned"].any()
    pd.testing.assert_frame_equal(
        days.set_index("user_id").sort_index(), wanted[[*PAGES, "session_count"]], check_dtype=False, check_names=False
    )


def test_the_real_user_has_the_features_of_the_published_table(lifetimes: pd.DataFrame, shared: Path) -> None:
    table = pd.read_parquet(shared / "real_features" / "mini_225_users.parquet").set_index("userId")
    real, found = table.loc[113], lifetimes.loc["113"]
    wanted: dict[str, Any] = {
        "event_count_lifetime": real["count_logs"],
        "session_count_lifetime": real["count_sessions"],
        "song_count_lifetime": real["count_songs"],
        "distinct_song_count_lifetime": real["count_distinct_songs"],
        "distinct_artist_count_lifetime": real["count_distinct_artists"],
        "songs_per_session_lifetime": real["avg_songs_per_session"],
        "session_minutes_mean_lifetime": real["avg_session_length"],
        "session_gap_hours_mean_lifetime": real["session_interval"] / 60,
        "listening_hours_lifetime": real["sum_length_minutes"] * 1000 / 60,
        "about_count_lifetime": real["page_about_hourly"] * real["total_hours"],
        "advert_count_lifetime": real["page_roll_advert_hourly"] * real["total_hours"],
        "downgrade_page_count_lifetime": real["page_downgrade_hourly"] * real["total_hours"],
        "thumbs_down_count_lifetime": real["page_thumbs_down_hourly"] * real["total_hours"],
        "thumbs_up_count_lifetime": real["page_thumbs_up_hourly"] * real["total_hours"],
        "upgrade_count_lifetime": real["page_submit_upgrade_hourly"] * real["total_hours"],
    }
    assert {name: found[name] for name in wanted} == pytest.approx(wanted, rel=1e-6)
    hours = found["session_minutes_mean_lifetime"] * found["session_count_lifetime"] / 60
    assert hours == pytest.approx(real["total_hours"])
