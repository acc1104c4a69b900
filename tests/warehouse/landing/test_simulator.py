"""The simulator writes logs like the published ones: their format, their quirks and their statistics."""

import gzip
import json
import os
import re
from collections import Counter
from dataclasses import replace
from datetime import date, datetime, timezone
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from warehouse.landing import simulator
from warehouse.landing.simulator import InvalidSimulation, SimulationSpec, simulate
from warehouse.landing.simulator.clock import damping

Event = dict[str, Any]
SHARED = Path(os.environ.get("SPARKHOUSE_SHARED", Path(__file__).parents[4] / "shared"))
MINI = SHARED / "real_features" / "mini_225_users.parquet"

KEYS = ["ts", "userId", "sessionId", "page", "auth", "method", "status", "level", "itemInSession"]
USER_KEYS = ["location", "userAgent", "lastName", "firstName", "registration", "gender"]
SONG_KEYS = ["artist", "song", "length"]
START = 1_538_352_000_000
BANDS = {"accordion": 0, "tuba": 1, "zither": 2, "xylophone": 3}


def read(path: Path) -> list[Event]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def by_session(events: list[Event]) -> list[list[Event]]:
    """Sessions of a random-id log, where a sessionId belongs to one user."""
    sessions: dict[int, list[Event]] = {}
    for event in events:
        sessions.setdefault(event["sessionId"], []).append(event)
    return list(sessions.values())


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    """A log with random ids: 150 users, 20 days."""
    path = tmp_path_factory.mktemp("mixed") / "events.json"
    simulate(SimulationSpec(users=150, days=20, seed=3, ids="random"), path)
    return read(path)


@pytest.fixture(scope="module")
def minis(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Rows of five simulated mini logs (225 users, 61 days, banded ids), with the seed."""
    folder = tmp_path_factory.mktemp("minis")
    columns = ["ts", "userId", "sessionId", "page", "registration"]
    pattern = re.compile(
        r'^{"ts":(\d+),"userId":"(\d*)","sessionId":(\d+),"page":"([^"]+)"(?:.*?"registration":(\d+))?'
    )
    logs = []
    for seed in range(1, 6):
        path = folder / f"{seed}.json"
        simulate(SimulationSpec(seed=seed), path)
        with path.open(encoding="utf-8") as lines:
            rows = [match.groups() for match in map(pattern.match, lines) if match]
        log = pd.DataFrame(rows, columns=columns).assign(seed=seed)
        logs.append(log.astype({"ts": "int64", "sessionId": "int64", "registration": "float64"}))
        path.unlink()
    return pd.concat(logs)


@pytest.fixture(scope="module")
def users(minis: pd.DataFrame) -> pd.DataFrame:
    """One row per seed and user with the figures that the published per-user tables have."""
    known = minis[minis["userId"] != ""]
    pages = known.groupby(["seed", "userId"])["page"].value_counts().unstack(fill_value=0)
    groups = known.groupby(["seed", "userId"])
    days = (groups["ts"].max() - groups["registration"].first()) / 86_400_000
    return pages.assign(
        sessions=groups["sessionId"].nunique(),
        days=days,
        churned=pages["Cancellation Confirmation"] > 0,
        band=pages.index.get_level_values("userId").astype(int) // 100_000,
    )


# Format


def test_lines_are_compact_json_with_keys_in_the_published_order_and_null_keys_absent(tmp_path: Path) -> None:
    simulate(SimulationSpec(users=60, days=7, ids="banded"), tmp_path / "events.json")
    for line in (tmp_path / "events.json").read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        expected = KEYS + USER_KEYS * (event["auth"] in ("Logged In", "Cancelled"))
        assert list(event) == expected + SONG_KEYS * (event["page"] == "NextSong")
        assert line == json.dumps(event, ensure_ascii=False, separators=(",", ":"))
        assert (event["userId"] == "") == (event["auth"] in ("Guest", "Logged Out"))


def test_types_are_those_of_the_published_logs(mixed: list[Event]) -> None:
    types = {(key, type(value)) for event in mixed for key, value in event.items()}
    numbers = {"ts", "sessionId", "status", "itemInSession", "registration"}
    assert types == {
        (key, int if key in numbers else float if key == "length" else str) for key in KEYS + USER_KEYS + SONG_KEYS
    }


def test_method_and_status_follow_the_page(mixed: list[Event]) -> None:
    seen = {(event["page"], event["method"], event["status"]) for event in mixed}
    assert len(seen) == len({page for page, _, _ in seen})
    assert {("NextSong", "PUT", 200), ("Thumbs Up", "PUT", 307), ("Error", "GET", 404), ("Login", "PUT", 307)} <= seen


def test_a_users_attributes_never_change(mixed: list[Event]) -> None:
    seen = {tuple(event[key] for key in ["userId", *USER_KEYS]) for event in mixed if "gender" in event}
    assert len(seen) == len({user_id for user_id, *_ in seen})


def test_text_is_garbled_and_agents_are_quoted_as_in_the_published_logs(mixed: list[Event]) -> None:
    agents = {event["userId"]: event["userAgent"] for event in mixed if "userAgent" in event}
    quoted = [agent.startswith('"') and agent.endswith('"') for agent in agents.values()]
    assert 0.58 < np.mean(quoted) < 0.82
    artists = [event["artist"] for event in mixed if "artist" in event]
    assert "BjÃ\x83Â¶rk" in artists
    assert 0.015 < np.mean([not artist.isascii() for artist in artists]) < 0.04


# Time


def test_a_song_that_follows_a_song_comes_when_that_one_is_over(mixed: list[Event]) -> None:
    gaps = [
        (later["ts"] - event["ts"], int(event["length"]) * 1000)
        for session in by_session(mixed)
        for event, later in pairwise(session)
        if event["page"] == later["page"] == "NextSong"
    ]
    assert len(gaps) > 10_000
    assert all(gap == length for gap, length in gaps)


def test_a_redirect_comes_one_second_after_its_page(mixed: list[Event]) -> None:
    gaps = [
        later["ts"] - event["ts"]
        for session in by_session(mixed)
        for event, later in pairwise(session)
        if later["status"] == 307
    ]
    assert len(gaps) > 1_000
    assert set(gaps) == {1000}


def test_times_are_whole_seconds_in_order_within_the_window(mixed: list[Event]) -> None:
    times = [event["ts"] for event in mixed]
    assert times == sorted(times)
    assert all(time % 1000 == 0 for time in times)
    assert START <= times[0] < START + 600_000
    assert START + 19 * 86_400_000 < times[-1] < START + 20 * 86_400_000


def test_items_count_from_zero_and_sessions_that_run_at_the_start_are_cut(mixed: list[Event]) -> None:
    sessions = by_session(mixed)
    assert all(later["itemInSession"] - event["itemInSession"] == 1 for s in sessions for event, later in pairwise(s))
    assert {session[0]["itemInSession"] for session in sessions if session[0]["ts"] > START + 3 * 86_400_000} == {0}
    assert mixed[0]["itemInSession"] > 0


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2018-10-05T20:59", 0.0),  # Friday, before the ramp
        ("2018-10-06T00:00", 0.25),  # midnight, half way up
        ("2018-10-06T03:00", 0.5),
        ("2018-10-07T12:00", 0.5),
        ("2018-10-08T00:00", 0.25),  # midnight, half way down
        ("2018-10-08T03:00", 0.0),
    ],
)
def test_sessions_are_thinned_on_days_off_with_ramps_at_midnight(moment: str, expected: float) -> None:
    seconds = int(datetime.fromisoformat(moment).replace(tzinfo=timezone.utc).timestamp())
    assert damping(seconds) == pytest.approx(expected, abs=0.002)


def test_days_are_busier_than_nights_and_weekdays_than_weekends(minis: pd.DataFrame) -> None:
    hours = (minis["ts"] // 3_600_000 % 24).value_counts(normalize=True) * 24
    assert hours.sort_index().iloc[15:20].mean() == pytest.approx(1.195, abs=0.06)  # the mini log
    assert hours.sort_index().iloc[5:10].mean() == pytest.approx(0.85, abs=0.06)
    days = (minis["ts"] // 86_400_000 + 3) % 7
    assert (days >= 5).mean() == pytest.approx(49_077 / 278_154, abs=0.025)


# Levels, visits and cancellations


def test_the_level_changes_on_the_row_after_the_submission(mixed: list[Event]) -> None:
    changes = [
        (event["page"], event["level"], later["level"])
        for session in by_session(mixed)
        for event, later in pairwise(session)
        if event["level"] != later["level"]
    ]
    assert set(changes) == {("Submit Upgrade", "free", "paid"), ("Submit Downgrade", "paid", "free")}


def test_nothing_follows_a_cancellation(minis: pd.DataFrame) -> None:
    last = minis[minis["userId"] != ""].groupby(["seed", "userId"])["page"].last()
    assert (last == "Cancellation Confirmation").sum() == (minis["page"] == "Cancellation Confirmation").sum()


def test_guests_register_inside_the_window_and_are_seen_from_then_on(minis: pd.DataFrame) -> None:
    joined = minis[(minis["registration"] > START) & (minis["userId"] != "")]
    assert 5 <= joined.groupby("seed")["userId"].nunique().sum() <= 35
    assert (joined["ts"] >= joined["registration"]).all()
    assert {"Register", "Submit Registration"} <= set(minis.loc[minis["userId"] == "", "page"])


# Ids


def test_random_ids_are_distinct_in_their_range_and_the_logged_out_share_a_pseudo_user(mixed: list[Event]) -> None:
    ids = {event["userId"] for event in mixed if "registration" in event}
    assert all(1_000_025 <= int(user_id) <= 1_999_996 for user_id in ids)
    assert 135 <= len(ids) <= 155
    assert {event["userId"] for event in mixed if "registration" not in event} == {"1261737"}
    assert "1261737" not in ids


def test_banded_logs_are_four_runs_with_bands_of_ids_and_a_session_counter_each(minis: pd.DataFrame) -> None:
    log = minis[minis["seed"] == 1]
    known = log[log["userId"] != ""]
    bands = known["userId"].astype(int) // 100_000
    assert list(bands.unique()) == list(BANDS.values())
    assert bands.is_monotonic_increasing
    assert (np.diff(log["ts"]) < 0).sum() == 3
    shared = known.groupby("sessionId")["userId"].nunique()
    assert 200 < (shared > 1).sum() < 800  # the mini log: 466
    assert known.groupby(bands)["userId"].nunique().between([140, 20, 20, 20], [156, 27, 27, 27]).all()


# One log, however it is made


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_log(tmp_path: Path) -> None:
    spec = SimulationSpec(users=30, days=5, seed=7)
    for name, asked in {"one": spec, "two": spec, "other": replace(spec, seed=8)}.items():
        simulate(asked, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert (tmp_path / "one").read_bytes() != (tmp_path / "other").read_bytes()


def test_the_number_of_processes_does_not_matter(tmp_path: Path) -> None:
    spec = SimulationSpec(users=45, days=4, seed=2, ids="random")
    alone = simulate(spec, tmp_path / "alone", processes=1)
    together = simulate(spec, tmp_path / "together", processes=2)
    assert (tmp_path / "alone").read_bytes() == (tmp_path / "together").read_bytes()
    assert replace(alone, paths=together.paths) == together


def test_more_days_extend_a_log_without_changing_its_past(tmp_path: Path) -> None:
    spec = SimulationSpec(users=60, days=6, ids="random")
    simulate(spec, tmp_path / "short")
    simulate(replace(spec, days=15), tmp_path / "long")
    assert (tmp_path / "long").read_bytes().startswith((tmp_path / "short").read_bytes())


def test_day_files_hold_a_utc_date_each_and_stay_when_days_are_added(tmp_path: Path) -> None:
    spec = SimulationSpec(users=45, days=3, start=date(2019, 2, 27))
    short = simulate(spec, tmp_path / "short", by_day=True)
    long = simulate(replace(spec, days=5), tmp_path / "long", by_day=True)
    names = [f"events-2019-{day}.json" for day in ("02-27", "02-28", "03-01", "03-02", "03-03")]
    assert [path.name for path in short.paths] == names[:3]
    assert [path.name for path in long.paths] == names == sorted(path.name for path in (tmp_path / "long").iterdir())
    for earlier, later in zip(short.paths, long.paths, strict=False):
        assert earlier.read_bytes() == later.read_bytes()
        days = {datetime.fromtimestamp(event["ts"] / 1000, timezone.utc).date() for event in read(earlier)}
        assert days == {date.fromisoformat(earlier.stem.removeprefix("events-"))}


def test_day_files_and_one_file_hold_the_same_rows(tmp_path: Path) -> None:
    spec = SimulationSpec(users=45, days=3)
    one = simulate(spec, tmp_path / "events.json")
    many = simulate(spec, tmp_path / "days", by_day=True)
    lines = [line for path in many.paths for line in path.read_text(encoding="utf-8").splitlines()]
    assert Counter(lines) == Counter((tmp_path / "events.json").read_text(encoding="utf-8").splitlines())
    assert replace(many, paths=one.paths) == one


def test_a_name_in_gz_is_compressed_and_follows_from_the_seed(tmp_path: Path) -> None:
    spec = SimulationSpec(users=20, days=3)
    simulate(spec, tmp_path / "plain.json")
    for name in ("one.json.gz", "two.json.gz"):
        simulate(spec, tmp_path / name)
    assert gzip.decompress((tmp_path / "one.json.gz").read_bytes()) == (tmp_path / "plain.json").read_bytes()
    assert (tmp_path / "one.json.gz").read_bytes() == (tmp_path / "two.json.gz").read_bytes()


def test_a_reader_never_sees_half_a_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "events.json"
    target.write_text("the log of yesterday")

    def fail(*_: object) -> int:
        raise OSError("disk full")

    monkeypatch.setattr(simulator, "_write", fail)
    with pytest.raises(OSError, match="disk full"):
        simulate(SimulationSpec(users=20, days=3), target)
    assert [path.name for path in tmp_path.iterdir()] == ["events.json"]
    assert target.read_text() == "the log of yesterday"


def test_the_summary_counts_what_is_in_the_log(tmp_path: Path) -> None:
    summary = simulate(SimulationSpec(users=90, days=30, ids="random"), tmp_path / "events.json")
    events = read(tmp_path / "events.json")
    assert summary.rows == len(events)
    assert summary.users == len({event["userId"] for event in events if "gender" in event})
    assert summary.churned_users == sum(event["page"] == "Cancellation Confirmation" for event in events)
    assert summary.bytes == (tmp_path / "events.json").stat().st_size


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"users": 0}, "users must be 1 to"),
        ({"users": 50_001}, "users must be 1 to 50000 for banded ids"),
        ({"days": 0}, "days must be 1 to"),
        ({"ids": "named"}, "ids must be one of banded, random"),
        ({"start": datetime(2018, 10, 1, tzinfo=timezone.utc)}, "start must be a date"),
    ],
)
def test_a_simulation_that_cannot_be_run_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidSimulation, match=message):
        SimulationSpec(**changes)


# Statistics. A log of 225 users varies: over many seeds the rows have a mean of 260,000 and a standard deviation of
# 23,000 (the published mini log: 286,500; the full log: 265,000 per 225 users), the cancellations 51 and 6.


def test_five_mini_logs_have_the_size_of_the_published_ones(minis: pd.DataFrame) -> None:
    rows = minis.groupby("seed").size()
    assert rows.between(200_000, 330_000).all()
    assert rows.mean() == pytest.approx(265_200, rel=0.1)
    songs = minis["page"].eq("NextSong").groupby(minis["seed"]).mean()
    assert songs.between(0.77, 0.83).all()
    churned = minis["page"].eq("Cancellation Confirmation").groupby(minis["seed"]).sum()
    assert churned.between(40, 65).all()
    named = minis[minis["userId"] != ""].groupby("seed")["userId"].nunique()
    assert named.between(215, 230).all()


@pytest.mark.parametrize(
    ("band", "churn", "songs", "adverts", "thumbs_up", "thumbs_down"),
    [
        ("accordion", 0.17, 1106, 14.2, 50.2, 9.5),
        ("tuba", 0.64, 405, 73.3, 44.6, 13.4),
        ("zither", 0.33, 609, 39.4, 50.3, 29.9),
        ("xylophone", 0.05, 1178, 4.1, 88.4, 9.3),
    ],  # churn and songs per user of mini and medium together, rates per 1,000 songs of mini
)
def test_each_band_behaves_like_its_cohort(
    users: pd.DataFrame, band: str, churn: float, songs: int, adverts: float, thumbs_up: float, thumbs_down: float
) -> None:
    own = users[users["band"] == BANDS[band]]
    per_thousand = own.sum(numeric_only=True) / own["NextSong"].sum() * 1000
    assert own["churned"].mean() == pytest.approx(churn, abs=0.12)
    assert own["NextSong"].mean() == pytest.approx(songs, rel=0.3)
    assert per_thousand["Roll Advert"] == pytest.approx(adverts, rel=0.15, abs=4)
    assert per_thousand["Thumbs Up"] == pytest.approx(thumbs_up, rel=0.08)
    assert per_thousand["Thumbs Down"] == pytest.approx(thumbs_down, rel=0.15)


def kolmogorov_smirnov(one: npt.ArrayLike, other: npt.ArrayLike) -> float:
    """The largest difference of two empirical distribution functions."""
    first, second = np.sort(np.asarray(one, float)), np.sort(np.asarray(other, float))
    points = np.concatenate([first, second])
    ranks = [np.searchsorted(values, points, side="right") / len(values) for values in (first, second)]
    return float(np.abs(ranks[0] - ranks[1]).max())


@pytest.mark.skipif(not MINI.exists(), reason=f"the published per-user table is not at {MINI}")
def test_users_are_distributed_as_in_the_published_mini_log(users: pd.DataFrame) -> None:
    real = pd.read_parquet(MINI)
    counts = {name: real[f"page_{name}_hourly"] * real["total_hours"] for name in ("roll_advert", "thumbs_up")}
    counts["thumbs_down"] = real["page_thumbs_down_hourly"] * real["total_hours"]
    listeners, real_listeners = users[users["NextSong"] >= 50], real["count_songs"] >= 50
    simulated = {
        "songs": (users["NextSong"], real["count_songs"]),
        "sessions": (users["sessions"], real["count_sessions"]),
        "days since registration": (users["days"], real["days_since_registraion"]),
    }
    for page, name in [("Roll Advert", "roll_advert"), ("Thumbs Up", "thumbs_up"), ("Thumbs Down", "thumbs_down")]:
        rate = (counts[name] / real["count_songs"])[real_listeners]
        simulated[page] = (listeners[page] / listeners["NextSong"], rate)
    distances = {name: kolmogorov_smirnov(ours, theirs) for name, (ours, theirs) in simulated.items()}
    # Two samples of 1,100 and 225 users of one distribution differ by more than 0.12 once in a hundred times.
    assert max(distances.values()) < 0.12, distances
