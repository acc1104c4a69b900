"""The file that each publication writes for the web app: what is written is read, and readers see one state."""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from planning_store import CHAMPION, features

from models_ml.serving.contents import ELEMENT, KEYS, TABLES, Publication, packed, statement, tables_of
from models_ml.serving.scoring import columns_of
from models_ml.serving.store import NothingPublished, Store, Stores, kept_by_store
from models_ml.serving.store_file import POINTER, write_store

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST = Publication("1", "2018-12-01T00:00:00Z", "2018-12-01T00:00:01.000000Z", "churned_in_time_bin", 14, None, None)
LATER = replace(FIRST, run_id="2", written_at="2018-12-08T00:00:01.000000Z")
CUSTOMERS = pd.DataFrame(
    {
        "user_id": ["100", "7"],
        "probability": [0.25, None],
        "risk_decile": [1.0, None],
        "is_churned": [False, True],
        "as_of_date": [date(2018, 12, 3), None],
        "last_event_at": [datetime(2018, 12, 2, 10, 30, tzinfo=timezone.utc), None],
    }
)


def test_what_is_written_is_read_with_its_types(tmp_path: Path) -> None:
    write_store(tmp_path, FIRST, {"customers": CUSTOMERS, "campaigns": None})
    store = Stores(tmp_path).newest()
    assert store.publication == FIRST
    assert store.tables == {"publication", "customers", "sqlite_stat1"}
    first, second = store.rows("select * from customers order by user_id")
    assert first == {
        "user_id": "100",
        "probability": 0.25,
        "risk_decile": 1,
        "is_churned": 0,
        "as_of_date": "2018-12-03",
        "last_event_at": "2018-12-02T10:30:00Z",
    }
    assert type(first["risk_decile"]) is int
    assert set(second.values()) == {"7", 1, None}
    assert store.row("select * from customers where user_id = ?", ["8"]) is None
    assert store.model is None


def test_a_new_publication_is_seen_at_once_and_the_old_one_goes_on_for_who_holds_it(tmp_path: Path) -> None:
    stores = Stores(tmp_path)
    with pytest.raises(NothingPublished):
        stores.newest()
    write_store(tmp_path, FIRST, {"customers": CUSTOMERS})
    old = stores.newest()
    assert stores.newest() is old
    write_store(tmp_path, LATER, {"customers": CUSTOMERS.head(1)})
    new = stores.newest()
    assert (old.publication.run_id, new.publication.run_id) == ("1", "2")
    assert [len(each.rows("select * from customers")) for each in (old, new)] == [2, 1]
    assert old.etag != new.etag


def test_the_two_newest_files_are_kept(tmp_path: Path) -> None:
    for day in range(1, 5):
        write_store(tmp_path, replace(FIRST, written_at=f"2018-12-0{day}T00:00:01.000000Z"), {})
    assert [path.name[:8] for path in sorted(tmp_path.glob("*.sqlite"))] == ["20181203", "20181204"]


def test_a_file_that_cannot_be_finished_leaves_the_old_one(tmp_path: Path) -> None:
    write_store(tmp_path, FIRST, {"customers": CUSTOMERS})
    unwritable = pd.DataFrame({"user_id": [object()]})
    with pytest.raises(sqlite3.Error):
        write_store(tmp_path, LATER, {"customers": unwritable})
    assert Stores(tmp_path).newest().publication == FIRST
    assert not list(tmp_path.glob("*.draft"))


def test_readers_write_nothing(tmp_path: Path) -> None:
    write_store(tmp_path, FIRST, {"customers": CUSTOMERS})
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        Stores(tmp_path).newest().rows("delete from customers")


def test_threads_read_the_same_file_side_by_side(tmp_path: Path) -> None:
    write_store(tmp_path, FIRST, {"customers": CUSTOMERS})
    stores, found = Stores(tmp_path), []

    def read() -> None:
        for _ in range(50):
            found.extend(stores.newest().rows("select count(*) as n from customers"))

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [{"n": 2}] * 400


def test_of_snapshots_the_inputs_of_the_champion_and_of_the_form_are_kept() -> None:
    rows = pd.DataFrame(
        {
            "user_id": ["1"],
            "as_of_date": ["2018-12-03"],
            "song_count_lifetime": [3],
            "session_gap_hours_mean_28d": [None],
            "error_count_7d": [9],
            "outcome": [True],
            "is_newest": [False],
        }
    )
    (kept,) = packed(rows, ["session_gap_hours_mean_28d"]).to_dict("records")
    assert kept == {
        "user_id": "1",
        "as_of_date": "2018-12-03",
        "outcome": True,
        "is_newest": False,
        "features": '{"song_count_lifetime":3,"session_gap_hours_mean_28d":null}',
    }
    assert set(KEYS) < set(rows.columns)


@pytest.mark.parametrize("table", TABLES)
def test_each_table_is_one_query_without_a_place_left_open(table: str) -> None:
    assert "{" not in statement(table, "churned_in_time_bin", 100)


def test_of_many_past_snapshots_a_share_is_kept() -> None:
    assert "1000) < 1000" in statement("snapshots", "churned_in_time_bin", 20_000)
    assert "1000) < 100)" in statement("snapshots", "churned_in_time_bin", 200_000)


def raw_snapshots() -> pd.DataFrame:
    """Two users at three dates: of the first the outcome is known, of the second that one left."""
    days = [date(2018, 11, 19), date(2018, 11, 26), date(2018, 12, 3)]
    outcomes: list[list[bool | None]] = [[True, False], [None, True], [None, None]]
    return pd.DataFrame(
        [
            {"user_id": f"{user}", "as_of_date": day, "outcome": outcome, "is_newest": day == days[2]} | features(user)
            for day, known in zip(days, outcomes, strict=True)
            for user, outcome in zip((1, 2), known, strict=True)
        ]
    )


def test_of_past_snapshots_the_elements_are_kept_and_of_the_newest_the_features() -> None:
    found = tables_of(raw_snapshots(), CHAMPION)
    snapshots, past, units = (found[name] for name in ("snapshots", "past", "past_elements"))
    assert snapshots is not None
    assert past is not None
    assert units is not None
    assert list(snapshots.as_of_date) == [date(2018, 12, 3)] * 2
    assert past[["user_id", "outcome"]].to_dict("list") == {"user_id": ["1", "2"], "outcome": [True, False]}
    standardised = np.array([np.frombuffer(row, ELEMENT) for row in past.elements])
    elements = CHAMPION.elements(columns_of(CHAMPION, [features(1), features(2)]))
    assert standardised * units.deviation.to_numpy() + units["mean"].to_numpy() == pytest.approx(elements)
    assert list(units.element) == list(CHAMPION.element_names)


@pytest.mark.parametrize("outcome", [None, True])
def test_without_a_known_stay_or_a_champion_there_is_no_past(*, outcome: bool | None) -> None:
    rows = raw_snapshots().assign(outcome=outcome)
    assert tables_of(rows, CHAMPION)["past"] is None
    without = tables_of(raw_snapshots(), None)
    assert (without["past"], without["past_elements"]) == (None, None)


def publications(folder: Path, count: int) -> None:
    """Publish so many states, one a second by their names, as fast as it goes; a state has its number in two tables."""
    for number in range(count):
        moment = datetime(2018, 12, 1, tzinfo=timezone.utc) + timedelta(seconds=number)
        of_state = replace(FIRST, run_id=f"{number}", written_at=f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}")
        rows = pd.DataFrame({"user_id": [f"{number}"] * 3})
        write_store(folder, of_state, {"customers": rows, "sessions": rows})


def test_readers_see_one_state_each_while_others_are_published_and_removed(tmp_path: Path) -> None:
    publications(tmp_path, 1)
    stores, is_over, errors, seen = Stores(tmp_path), threading.Event(), list[Exception](), set[str]()

    def read() -> None:
        while not is_over.is_set():
            try:
                store = stores.newest()
                found = {store.publication.run_id} | {
                    row["user_id"]
                    for table in ("customers", "sessions")
                    for row in store.rows(f"select user_id from {table}")
                }
                assert len(found) == 1
                seen.update(found)
            except Exception as error:  # noqa: BLE001, PERF203 - whatever goes wrong is what is looked for
                errors.append(error)

    readers = [threading.Thread(target=read) for _ in range(8)]
    for reader in readers:
        reader.start()
    publications(tmp_path, 200)
    is_over.set()
    for reader in readers:
        reader.join()
    assert not errors
    assert len(seen) > 10


def test_a_file_that_goes_before_it_is_open_is_one_more_publication(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publications(tmp_path, 1)
    named: Callable[[Stores], Store] = Stores._named  # noqa: SLF001 - the moment between name and file

    def slow(stores: Stores) -> Store:
        found = named(stores)
        if not list(tmp_path.glob("20181201T000003*")):
            publications(tmp_path, 4)
        return found

    monkeypatch.setattr(Stores, "_named", slow)
    assert Stores(tmp_path).newest().publication.run_id == "3"


def test_a_store_goes_on_when_its_file_is_removed(tmp_path: Path) -> None:
    write_store(tmp_path, FIRST, {"customers": CUSTOMERS})
    store = Stores(tmp_path).newest()
    store.path.unlink()
    assert len(store.rows("select * from customers")) == 2


def test_a_pointer_to_nothing_is_no_publication(tmp_path: Path) -> None:
    (tmp_path / POINTER).write_text("20181201.sqlite")
    with pytest.raises(NothingPublished, match=r"20181201\.sqlite, which is not there"):
        Stores(tmp_path).newest()


def test_a_file_that_cannot_be_opened_is_no_other_fault(tmp_path: Path) -> None:
    (tmp_path / POINTER).write_text("folder.sqlite")
    (tmp_path / "folder.sqlite").mkdir()
    with pytest.raises(sqlite3.OperationalError):
        Stores(tmp_path).newest()


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="the system does not tell which files are open")
def test_a_thousand_publications_leave_no_file_open_but_the_newest(tmp_path: Path) -> None:
    stores, turn = Stores(tmp_path), threading.Barrier(3, timeout=20)

    def read() -> None:
        for _ in range(1000):
            turn.wait()
            assert customers(stores.newest()) == 3
            turn.wait()

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(1000):
        moment = datetime(2018, 12, 1, tzinfo=timezone.utc) + timedelta(seconds=number)
        path = write_store(
            tmp_path,
            replace(FIRST, written_at=f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}"),
            {"customers": pd.DataFrame({"user_id": ["1", "2", "3"]})},
        )
        turn.wait()
        turn.wait()
        if number == 998:
            held = open_files(tmp_path)
    for reader in readers:
        reader.join()
    # One of each reader, or none where it has ended.
    assert set(held) | set(open_files(tmp_path)) <= {path.name, "20181201T001638000000Z.sqlite"}
    assert len(held) <= 2


@kept_by_store
def customers(store: Store) -> int:
    """How many there are: a store keeps it, and nothing keeps the store."""
    return len(store.rows("select * from customers"))


def open_files(folder: Path) -> list[str]:
    """The names of the files of a folder that this process has open, once for each time."""
    names = []
    for link in Path("/proc/self/fd").iterdir():
        try:
            target = link.readlink()
        except OSError:
            continue
        if target.parent == folder:
            names.append(target.name)
    return names


def test_what_a_store_keeps_is_computed_once_and_goes_with_it(tmp_path: Path) -> None:
    asked = []

    @kept_by_store
    def answer(store: Store, name: str) -> str:
        asked.append(name)
        return f"{store.publication.run_id} {name}"

    write_store(tmp_path, FIRST, {})
    stores = Stores(tmp_path)
    old = stores.newest()
    assert [answer(old, name) for name in ("a", "b", "a")] == ["1 a", "1 b", "1 a"]
    write_store(tmp_path, LATER, {})
    assert answer(stores.newest(), "a") == "2 a"
    assert asked == ["a", "b", "a"]
