"""The file that each publication writes for the web app: what is written is read, and readers see one state."""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import replace
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from models_ml.serving.contents import KEYS, TABLES, Publication, packed, statement
from models_ml.serving.store import NothingPublished, Stores
from models_ml.serving.store_file import write_store

if TYPE_CHECKING:
    from pathlib import Path

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
