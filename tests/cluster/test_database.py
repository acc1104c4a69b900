"""Journal and lock in a database, as machines that share tables see them."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import Mock

import pyarrow as pa
import pytest
from cluster import PASSWORD, lacking, postgres
from pyiceberg.exceptions import NoSuchTableError

from cli.runs.writer_lock import HOLDER, Holder, WriterAtWork, shared_holder, shared_lock
from warehouse.publishing import shared_place
from warehouse.publishing.database import Database, DatabaseRow, DatabaseUnreachable, LockLost
from warehouse.publishing.journal import PUBLISH, Journal, Move, Publication
from warehouse.publishing.shared_catalog import CatalogUnreachable, SharedCatalog, SharedTable
from warehouse.publishing.shared_place import MARK, NAME, PlaceNotShared, mark_places, require_shared_place
from warehouse.publishing.shared_spares import damages, keep_spares, restored

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster import Postgres

pytestmark = [pytest.mark.cluster, pytest.mark.skipif(bool(lacking()), reason=lacking())]

ME = Holder("run", "run-1", 7, "2026-11-30T00:00:00+00:00")
ONE_COLUMN = pa.schema([pa.field("id", pa.int64())])
PUBLICATION = Publication("run-1", PUBLISH, (Move("marts.t", None, 4),), started_at=1_000)


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as started:
        yield started


@pytest.fixture
def database(server: Postgres) -> Database:
    database = Database(server.address, "sparkhouse", PASSWORD)
    with database.connection() as connection:
        connection.execute("drop table if exists sparkhouse_state")
    return database


def test_a_database_that_nobody_wrote_to_tells_nothing(database: Database) -> None:
    assert Journal(DatabaseRow(database)).read() is None
    assert not Journal(DatabaseRow(database)).is_damaged
    assert shared_holder(database) is None
    assert SharedCatalog(database).tables == []
    assert SharedCatalog(database).find("marts.t") is None
    for _ in range(2):
        SharedCatalog(database).make_default_schema()
    assert SharedCatalog(database).find("default.t") is None


def test_a_journal_is_read_as_it_was_written_by_every_machine(database: Database, server: Postgres) -> None:
    other = Journal(DatabaseRow(Database(server.address, "sparkhouse", PASSWORD)))
    with shared_lock(database, ME, None):
        journal = Journal(DatabaseRow(database))
        journal.write(PUBLICATION)
        assert other.unfinished == PUBLICATION
        journal.write(replace(PUBLICATION, finished_at=2_000))
    assert other.read() == replace(PUBLICATION, finished_at=2_000)
    assert not other.needs_finishing


def test_a_damaged_journal_is_set_aside(database: Database) -> None:
    journal = Journal(DatabaseRow(database))
    with shared_lock(database, ME, None):
        database.keep("journal", '{"run_id": ')
        assert journal.is_damaged
        assert journal.words.set_aside().startswith("journal.damaged in postgresql://")
        assert not journal.is_damaged
    assert database.words("journal.damaged") == '{"run_id": '


def test_one_machine_writes_and_others_read_who(database: Database, server: Postgres) -> None:
    other = Database(server.address, "sparkhouse", PASSWORD)
    told: list[str] = []
    with shared_lock(database, ME, None) as left_behind:
        assert left_behind is None
        holder = shared_holder(other)
        assert holder
        assert (holder.run_id, holder.pid) == (ME.run_id, ME.pid)
        assert holder.machine
        refused = pytest.raises(WriterAtWork, match=r"run-1, process 7 on .* is writing to postgresql://")
        with refused, shared_lock(other, ME, None):
            pass
    assert shared_holder(other) is None
    with shared_lock(other, ME, told.append) as left_behind:
        assert left_behind is None
    assert told == []


def test_who_was_killed_is_named_to_the_next(database: Database, server: Postgres) -> None:
    killed = Database(server.address, "sparkhouse", PASSWORD)
    assert killed.locked()
    killed.keep(HOLDER, json.dumps(asdict(replace(ME, machine="gone"))))
    killed.unlock()
    assert shared_holder(database) is None
    with shared_lock(database, replace(ME, run_id="run-2"), None) as left_behind:
        assert left_behind == replace(ME, machine="gone")


def lose_lock(database: Database) -> None:
    """End the connection that holds it, as a network does, or a database that is started anew."""
    with database.connection() as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and pid <> pg_backend_pid()"
        )


def test_a_writer_whose_connection_was_lost_goes_on_if_nobody_has_written_since(
    database: Database, server: Postgres
) -> None:
    other = Database(server.address, "sparkhouse", PASSWORD)
    with shared_lock(database, ME, None):
        lose_lock(other)
        Journal(DatabaseRow(database)).write(PUBLICATION)
        with pytest.raises(WriterAtWork), shared_lock(other, ME, None):
            pass
    assert Journal(DatabaseRow(other)).read() == PUBLICATION


def test_a_writer_that_another_one_has_followed_begins_no_publication(database: Database, server: Postgres) -> None:
    other = Database(server.address, "sparkhouse", PASSWORD)
    following = replace(ME, run_id="run-2")
    with shared_lock(database, ME, None):
        lose_lock(other)
        with shared_lock(other, following, None), pytest.raises(LockLost, match="another machine may write by now"):
            Journal(DatabaseRow(database)).write(PUBLICATION)
        # The other one has ended by now.
        with pytest.raises(LockLost):
            Journal(DatabaseRow(database)).write(PUBLICATION)
        with shared_lock(other, following, None):
            pass
    assert Journal(DatabaseRow(other)).read() is None


def test_a_writer_outlives_a_database_that_is_started_anew(database: Database, server: Postgres) -> None:
    with shared_lock(database, ME, None):
        server.stop()
        server.start()
        Journal(DatabaseRow(database)).write(PUBLICATION)
    assert Journal(DatabaseRow(database)).read() == PUBLICATION


def test_a_lock_is_kept_though_sessions_may_not_be_idle(database: Database) -> None:
    with database.connection() as connection:
        connection.execute("alter role sparkhouse set idle_session_timeout = '300ms'")
    try:
        with shared_lock(database, ME, None):
            time.sleep(1)
            assert shared_holder(Database(database.address, database.user, database.password))
    finally:
        with database.connection() as connection:
            connection.execute("alter role sparkhouse reset idle_session_timeout")


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"password": "wrong"}, "password authentication failed"),
        ({"address": "postgresql://127.0.0.1:9/sparkhouse"}, "127.0.0.1:9/sparkhouse"),
        ({"address": "postgresql://nowhere.invalid/sparkhouse"}, "nowhere.invalid"),
    ],
)
def test_a_database_that_lets_nobody_in_is_told_without_the_password(
    server: Postgres, changed: dict[str, str], told: str
) -> None:
    database = Database(**({"address": server.address, "user": "sparkhouse", "password": PASSWORD} | changed))
    with pytest.raises(DatabaseUnreachable, match=told) as raised:
        database.locked()
    assert "SPARKHOUSE_DATABASE" in str(raised.value)
    with pytest.raises(DatabaseUnreachable):
        Journal(DatabaseRow(database)).read()
    with pytest.raises(CatalogUnreachable, match=told) as of_catalog:
        _ = SharedCatalog(database).tables
    for error in (raised.value, of_catalog.value):
        assert PASSWORD not in str(error)


def test_a_place_is_known_by_its_mark(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = SharedCatalog(database)
    here, elsewhere = str(tmp_path / "shared"), str(tmp_path / "unmounted")
    require_shared_place(catalog, here)
    with shared_lock(database, ME, None):
        monkeypatch.setattr(shared_place, "write_file", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            mark_places(database, [here])
        monkeypatch.undo()
        require_shared_place(catalog, here)
        mark_places(database, [here])
    require_shared_place(catalog, here)
    catalog.iceberg.create_namespace_if_not_exists("marts")
    catalog.iceberg.create_table("marts.placed", ONE_COLUMN, location=f"{here}/marts/placed")
    require_shared_place(catalog, here)
    with pytest.raises(PlaceNotShared, match=r"unmounted is not, on this machine, .*: it is empty. Mount"):
        require_shared_place(catalog, elsewhere)
    (tmp_path / "unmounted").mkdir()
    (tmp_path / "unmounted" / MARK).write_text("another")
    with pytest.raises(PlaceNotShared, match="belongs to another database"):
        require_shared_place(catalog, elsewhere)
    catalog.iceberg.drop_table("marts.placed")
    with shared_lock(database, ME, None):
        database.forget(NAME)
    with pytest.raises(PlaceNotShared, match="shared holds the tables of another database than postgresql://"):
        require_shared_place(catalog, here)


def test_the_remedy_of_a_damaged_file_is_the_spare_or_the_file_before_it(database: Database, tmp_path: Path) -> None:
    catalog = SharedCatalog(database)
    catalog.iceberg.create_namespace_if_not_exists("marts")
    for name in ("marts.spared", "marts.newer", "marts.lost"):
        with suppress(NoSuchTableError):
            catalog.iceberg.drop_table(name)
        catalog.iceberg.create_table(name, ONE_COLUMN, location=str(tmp_path / name))
    with shared_lock(database, ME, None):
        keep_spares(catalog, ["marts.spared", "marts.newer", "marts.not_there"])
        catalog.iceberg.load_table("marts.newer").append(pa.table({"id": [1]}))
        catalog.iceberg.load_table("marts.newer").append(pa.table({"id": [2]}))
        for name in ("marts.spared", "marts.newer", "marts.lost"):
            Path(catalog.iceberg.load_table(name).metadata_location.removeprefix("file://")).write_text("{")
        told = {table: message for table, _, message in damages(catalog)}
        assert "which puts it back" in told["marts.spared"]
        assert "returns to the file before it" in told["marts.newer"]
        assert "restore it from a backup" in told["marts.lost"]
        assert len(list(restored(catalog))) == 2
        assert [table for table, _, _ in damages(catalog)] == ["marts.lost"]
    assert SharedTable("marts.spared", catalog).column_names == ["id"]
    newer = SharedTable("marts.newer", catalog)
    assert newer.rows(newer.head()).to_pydict() == {"id": [1]}
