"""A. It never harms what it has: copies, moves, damaged files, clocks, and metadata that name what is not ours."""

from __future__ import annotations

import json
import shutil
import time
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fastavro
import pytest
from commands import drop_all_tables

from cli.health.doctor import examine
from cli.jobs import auditing, landing
from cli.jobs.checks import CheckFailed
from cli.jobs.workspace import Workspace
from cli.machine.home import Home
from cli.runs.records import DAMAGED, FAILED, PUBLISHED, mend_files, recorded, runs
from cli.runs.steps import Steps
from warehouse.contract.files import replace_file
from warehouse.landing.reader.rules import Rules
from warehouse.landing.salt import UnusableSalt, load_salt
from warehouse.landing.simulator import SimulationSpec, simulate
from warehouse.publishing import metadata_files
from warehouse.publishing.branch import on_branch
from warehouse.publishing.clock import ClockWasAhead
from warehouse.publishing.journal import JOURNAL, PUBLISH, Move, Publication, moment
from warehouse.publishing.location import ForeignPath, StateElsewhere, require_in_place, table_folders
from warehouse.publishing.publication import Publisher
from warehouse.publishing.records import record_publication, states_before
from warehouse.publishing.relocation import CannotRelocate, IncompleteCopy, relocate
from warehouse.publishing.tables import Table
from warehouse.publishing.upkeep import maintain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyspark.sql import SparkSession

TABLE = "marts.dim_users"
DAY = 86_400_000


@pytest.fixture
def state(spark: SparkSession, home: Home) -> Iterator[Home]:
    """A state folder with one table, of three rows in three commits and a branch."""
    drop_all_tables(spark)
    (home.path / JOURNAL).unlink(missing_ok=True)
    for schema in ("raw", "marts"):
        spark.sql(f"create namespace if not exists {schema}")
    spark.sql(f"create table {TABLE} (user_id string) using iceberg")
    for user in "abc":
        spark.sql(f"insert into {TABLE} values ('{user}')")
    with on_branch(spark, "failed"):
        spark.sql(f"insert into {TABLE} values ('d')")
    yield home
    drop_all_tables(spark)


@pytest.fixture
def copied(state: Home, tmp_path: Path) -> Home:
    shutil.copytree(state.warehouse, tmp_path / "copy" / "warehouse")
    return Home(tmp_path / "copy")


def content(folder: Path) -> dict[str, str]:
    """The check sums of all files below a folder."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest() for path in files}


def steps(command: str = "test") -> Steps:
    return Steps(quiet=True, run_id=f"run-of-{command}", command=command)


def users(spark: SparkSession, table: str) -> list[str]:
    return sorted(row.user_id for row in spark.sql(f"select user_id from {table}").collect())


def newest(home: Home) -> Path:
    return next(table for table in table_folders(home.warehouse) if table.name == TABLE).metadata_files[0]


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    metadata = json.loads(path.read_text())
    change(metadata)
    path.write_text(json.dumps(metadata))
    path.with_name(f".{path.name}.crc").unlink(missing_ok=True)


# Somebody copied or moved the state folder


@pytest.mark.parametrize(
    "command",
    [
        ("sql", "select 1 as one"),
        ("ingest", "nothing.json"),
        ("run",),
        ("predict",),
        ("maintain",),
        ("dbt", "ls"),
        ("dbt", "run"),
        ("rollback", "x"),
        ("runs", "discard", "x"),
        ("doctor", "--mend"),
    ],
)
def test_somebody_copied_the_state_folder_and_every_command_says_so_and_touches_neither(
    state: Home,
    copied: Home,
    sparkhouse: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: tuple[str, ...],
) -> None:
    before = content(state.warehouse), content(copied.warehouse)
    monkeypatch.setenv("SPARKHOUSE_HOME", str(copied.path))
    assert sparkhouse(*command) == 2
    said = capsys.readouterr().err
    assert f"{copied.path} was copied or moved from {state.path}" in said
    assert "`sparkhouse doctor --relocate`" in said
    assert "Traceback" not in said
    assert (content(state.warehouse), content(copied.warehouse)) == before


def test_a_copy_that_was_relocated_is_read_and_written_on_its_own(
    spark: SparkSession, state: Home, copied: Home
) -> None:
    before = content(state.warehouse)
    done = relocate(copied.path, copied.warehouse, copied.metadata_backups)
    assert done is not None
    assert (done.before, done.tables) == ((state.path,), (TABLE,))
    require_in_place(copied.path, copied.warehouse)

    catalog = "spark.sql.catalog.of_the_copy"
    spark.conf.set(catalog, "org.apache.iceberg.spark.SparkCatalog")
    spark.conf.set(f"{catalog}.type", "hadoop")
    spark.conf.set(f"{catalog}.warehouse", str(copied.warehouse))
    spark.conf.set(f"{catalog}.cache-enabled", "false")
    existing = f"of_the_copy.{TABLE}"
    assert users(spark, existing) == ["a", "b", "c"]
    assert users(spark, f"{existing}.branch_failed") == ["a", "b", "c", "d"]
    oldest = spark.sql(f"select snapshot_id from {existing}.snapshots order by committed_at").collect()[0][0]
    assert users(spark, f"{existing} version as of {oldest}") == ["a"]
    spark.sql(f"insert into {existing} values ('e')")
    later = f"{datetime.now(timezone.utc):%F %T}"
    spark.sql(f"call of_the_copy.system.expire_snapshots(table => '{TABLE}', older_than => timestamp '{later}')")
    assert users(spark, existing) == ["a", "b", "c", "e"]

    assert content(state.warehouse) == before
    assert str(state.path) not in "".join(path.read_text() for path in copied.warehouse.rglob("v*.json"))
    assert relocate(copied.path, copied.warehouse, copied.metadata_backups) is None


def test_a_relocation_that_is_killed_anywhere_is_done_again(
    state: Home, copied: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = sum(1 for path in copied.warehouse.rglob("*") if path.suffix in {".avro", ".json"})
    assert files > 10
    for survived in range(files):
        shutil.rmtree(copied.path)
        shutil.copytree(state.warehouse, copied.warehouse)
        written = list[Path]()

        def die(path: Path, text: bytes, limit: int = survived, done: list[Path] = written) -> None:
            if len(done) == limit:
                raise KeyboardInterrupt
            done.append(path)
            replace_file(path, text)

        monkeypatch.setattr(metadata_files, "replace_file", die)
        with pytest.raises(KeyboardInterrupt):
            relocate(copied.path, copied.warehouse, copied.metadata_backups)
        monkeypatch.undo()
        with pytest.raises(StateElsewhere):
            require_in_place(copied.path, copied.warehouse)
        relocate(copied.path, copied.warehouse, copied.metadata_backups)
        require_in_place(copied.path, copied.warehouse)
        for manifest in copied.warehouse.rglob("*.avro"):
            assert str(state.warehouse).encode() not in b"".join(_texts(manifest))


def _texts(manifest: Path) -> list[bytes]:
    with manifest.open("rb") as file:
        return [json.dumps(record, default=str).encode() for record in fastavro.reader(file)]


def test_a_copy_that_lacks_a_file_is_refused_and_left_as_it_is(copied: Home) -> None:
    data = next(copied.warehouse.joinpath(*TABLE.split(".")).rglob("*.parquet"))
    data.unlink()
    before = content(copied.warehouse)
    with pytest.raises(IncompleteCopy, match=str(data)):
        relocate(copied.path, copied.warehouse, copied.metadata_backups)
    assert content(copied.warehouse) == before


def test_a_copy_that_shares_a_folder_with_its_original_by_a_link_is_refused(state: Home, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "warehouse").symlink_to(state.warehouse)
    before = content(state.warehouse)
    with pytest.raises(CannotRelocate, match="is a link to"):
        relocate(tmp_path / "copy", tmp_path / "copy" / "warehouse", tmp_path / "copy" / "spares")
    assert content(state.warehouse) == before


# Metadata name what is not the table's


def test_a_table_whose_location_names_a_foreign_folder_is_never_tended(
    spark: SparkSession, state: Home, tmp_path: Path, sparkhouse: Callable[..., int]
) -> None:
    (tmp_path / "precious.txt").write_text("years of work")
    edit(newest(state), lambda metadata: metadata.update(location=str(tmp_path)))
    assert sparkhouse("maintain", "--keep-days", "0") == 2
    with pytest.raises(ForeignPath, match=r"marts\.dim_users name"):
        require_in_place(state.path, state.warehouse)
    assert (tmp_path / "precious.txt").read_text() == "years of work"
    assert spark is not None


@pytest.mark.parametrize("name", ["write.data.path", "write.metadata.path", "write.object-storage.path"])
def test_a_property_that_names_a_foreign_folder_stops_every_command(state: Home, tmp_path: Path, name: str) -> None:
    edit(newest(state), lambda metadata: metadata["properties"].update({name: str(tmp_path)}))
    with pytest.raises(ForeignPath, match=str(tmp_path)):
        require_in_place(state.path, state.warehouse)


def test_upkeep_removes_no_file_that_a_manifest_names_elsewhere(
    spark: SparkSession, state: Home, tmp_path: Path
) -> None:
    precious = tmp_path / "precious.parquet"
    precious.write_bytes(b"years of work")
    manifest = next(path for path in state.warehouse.rglob("*-m0.avro"))
    with manifest.open("rb") as file:
        reader = fastavro.reader(file)
        records = [record | {"data_file": record["data_file"] | {"file_path": str(precious)}} for record in reader]  # type: ignore[operator,index,call-overload]
    with manifest.open("wb") as file:
        fastavro.writer(file, reader.writer_schema or {}, records, codec="deflate")
    with pytest.raises(ForeignPath, match=str(precious)):
        maintain(spark, state.warehouse, {}, timedelta(0))
    assert precious.exists()


def test_upkeep_follows_no_link_out_of_a_table(spark: SparkSession, state: Home, tmp_path: Path) -> None:
    (tmp_path / "precious.parquet").write_bytes(b"years of work")
    (state.warehouse / "marts" / "dim_users" / "data" / "more").symlink_to(tmp_path)
    with pytest.raises(ForeignPath, match=str(tmp_path)):
        maintain(spark, state.warehouse, {}, timedelta(0))
    assert (tmp_path / "precious.parquet").exists()


# Clocks


def test_in_the_hour_when_clocks_go_back_a_rollback_takes_back_the_newest_run_alone(
    spark: SparkSession, state: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert state
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        # 01:30 twice: on daylight saving time, and an hour later on standard time.
        first, second = (
            int(datetime(2026, 11, 1, hour, 30, tzinfo=timezone.utc).timestamp() * 1000) for hour in (5, 6)
        )
        for run_id, at in (("first", first), ("second", second)):
            publish_at(spark, run_id, at)
        assert states_before(spark, "second") == [(TABLE, 1)]
        assert states_before(spark, "first") == [(TABLE, 0)]
    finally:
        monkeypatch.undo()
        time.tzset()


def publish_at(spark: SparkSession, run_id: str, at: int) -> None:
    before = ("first", "second").index(run_id)
    record_publication(spark, Publication(run_id, PUBLISH, (Move(TABLE, before, before + 1),), at, at + 1000))


def test_a_clock_that_was_ahead_is_told_in_words_and_what_it_wrote_is_dated_back(
    spark: SparkSession, state: Home
) -> None:
    ahead = int(time.time() * 1000) + 400 * DAY

    def put_ahead(metadata: dict[str, Any]) -> None:
        metadata["last-updated-ms"] = ahead
        for group in ("snapshots", "snapshot-log"):
            metadata[group][-1]["timestamp-ms"] = ahead

    edit(newest(state), put_ahead)
    with pytest.raises(ClockWasAhead, match=f"last written at {moment(ahead):%Y-%m-%d}"), recorded(state, steps()):
        pass
    assert f"{TABLE} was written ahead of now, and is dated back" in list(mend_files(state, steps()))
    with recorded(state, steps()):
        spark.sql(f"insert into {TABLE} values ('e')")
    assert users(spark, TABLE) == ["a", "b", "c", "e"]


def test_publications_keep_their_order_when_the_clock_is_put_back(
    spark: SparkSession, state: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    from warehouse.publishing import journal, publication

    publisher = Publisher(spark, state.journal)
    now = journal.now()
    for run_id, clock in (("ahead", now + 30_000), ("right", now)):
        for module in (journal, publication):
            monkeypatch.setattr(module, "now", lambda clock=clock: clock)
        with on_branch(spark, run_id):
            spark.sql(f"insert overwrite {TABLE} values ('{run_id}')")
        publisher.publish(run_id)
    publisher.roll_back("right", "back")
    assert users(spark, TABLE) == ["ahead"]


# Small files are damaged


@pytest.mark.parametrize("text", ["", "{", "[]", '{"run_id": 1}', "\udcff"])
def test_a_damaged_journal_keeps_nobody_from_reading_and_is_set_aside_by_the_next_writer(
    spark: SparkSession, state: Home, sparkhouse: Callable[..., int], text: str
) -> None:
    (state.path / JOURNAL).write_bytes(text.encode("utf-8", "surrogateescape"))
    assert state.journal.is_damaged
    assert state.journal.read() is None
    assert sparkhouse("sql", "select 1 as one") == 0
    assert not (state.path / JOURNAL).exists()
    assert (state.path / JOURNAL).with_name("publication.json.damaged").exists()
    assert users(spark, TABLE) == ["a", "b", "c"]


def test_a_publication_that_was_cut_short_is_finished_though_its_journal_is_damaged(
    spark: SparkSession, state: Home
) -> None:
    spark.sql("create table marts.fct_sessions (user_id string) using iceberg")
    spark.sql("insert into marts.fct_sessions values ('a')")
    with on_branch(spark, "cut"):
        for table in (TABLE, "marts.fct_sessions"):
            spark.sql(f"insert overwrite {table} values ('z')")
    Table(TABLE, spark).fast_forward("cut")
    (state.path / JOURNAL).write_text("{")
    finished = Publisher(spark, state.journal).finish()
    assert finished is not None
    assert finished.run_id == "cut"
    assert users(spark, "marts.fct_sessions") == users(spark, TABLE) == ["z"]


def test_a_damaged_record_of_a_run_is_listed_as_such_and_harms_no_other(state: Home) -> None:
    for path in state.runs.glob("*"):
        path.unlink()
    with recorded(state, steps("good")):
        pass
    (state.runs / "run-of-bad.json").write_text('{"run_id": ')
    assert {run.run_id: run.status for run in runs(state)} == {"run-of-good": "done", "run-of-bad": DAMAGED}
    assert any("run-of-bad.json.damaged" in line for line in mend_files(state, steps()))
    assert [run.run_id for run in runs(state)] == ["run-of-good"]


def test_what_a_killed_ingest_unpacked_goes_with_the_next_command_that_writes(state: Home) -> None:
    left = state.landing / ".staged" / "text" / "0.txt"
    left.parent.mkdir(parents=True)
    left.write_text('{"firstName": "Colin"}')
    with recorded(state, steps("maintain")):
        assert not left.exists()


@pytest.mark.parametrize("text", ["[1]", '"me"', "{", "\x00"])
def test_a_damaged_lock_file_locks_all_the_same(state: Home, text: str) -> None:
    state.writer_lock.write_text(text)
    assert runs(state) is not None
    with recorded(state, steps()):
        pass


def test_a_salt_that_is_gone_is_not_made_anew_while_pseudonyms_need_it(tmp_path: Path) -> None:
    with pytest.raises(UnusableSalt, match="is gone, and the names in the raw tables need it: restore a backup"):
        load_salt(tmp_path / "salt", is_in_use=lambda: True)
    assert not (tmp_path / "salt").exists()
    assert load_salt(tmp_path / "salt") == load_salt(tmp_path / "salt", is_in_use=lambda: True)


def test_ingest_stops_where_the_salt_is_gone_and_names_are_there(
    spark: SparkSession, state: Home, tmp_path: Path
) -> None:
    workspace = Workspace(spark, state, steps("ingest"))
    logs = [tmp_path / "1.json", tmp_path / "2.json"]
    for seed, log in enumerate(logs):
        simulate(SimulationSpec(users=10, days=3, ids="random", seed=seed), log)
    landing.ingest(workspace, [logs[0]])
    state.salt.unlink()
    with pytest.raises(UnusableSalt):
        landing.ingest(workspace, [logs[1]])
    landing.ingest(workspace, [logs[1]], Rules(pseudonymise=False))


def test_all_that_failed_runs_left_is_taken_away_at_once(
    spark: SparkSession, state: Home, sparkhouse: Callable[..., int]
) -> None:
    for run_id in ("20260101", "20260102", "20260103"):
        with on_branch(spark, run_id):
            spark.sql(f"insert into {TABLE} values ('{run_id}')")
    assert sparkhouse("runs", "discard", "20260102", "--all-older") == 0
    assert Table(TABLE, spark).branches == {"20260103", "failed"}
    assert sparkhouse("runs", "discard", "--all-older") == 0
    assert not Table(TABLE, spark).branches
    assert users(spark, TABLE) == ["a", "b", "c"]
    assert sparkhouse("runs", "discard") == 2
    assert state


# Commands that would leave half-old tables behind


@pytest.mark.parametrize(
    "arguments", [("retry",), ("clone",), ("run-operation", "x"), ("snapshot",), ("test", "--store-failures")]
)
def test_dbt_commands_that_no_audit_would_see_are_refused(
    sparkhouse: Callable[..., int], capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert sparkhouse("dbt", *arguments) == 2
    said = capsys.readouterr().err
    assert f"dbt {' '.join(arguments[:1])}" in said
    assert "is not run here" in said


def test_what_dbt_builds_is_published_after_its_audit_and_not_before(
    spark: SparkSession,
    home: Home,
    sparkhouse: Callable[..., int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drop_all_tables(spark)
    home.salt.unlink(missing_ok=True)
    for record in home.runs.glob("*"):
        record.unlink()
    simulate(SimulationSpec(users=30, days=16, ids="random"), tmp_path / "log.json")
    assert sparkhouse("ingest", str(tmp_path / "log.json"), "--quiet") == 0
    assert [run.status for run in runs(home)[:1]] == [PUBLISHED]
    assert sparkhouse("dbt", "--quiet", "run", "--select", "+dim_users", "+fct_user_features", "+fct_churn_labels") == 0
    assert not spark.table("marts.fct_user_features").isEmpty()
    assert runs(home)[0].status == PUBLISHED
    published = Table("marts.dim_users", spark).head()

    def find_fault(*_: object) -> None:
        raise CheckFailed("poison")

    monkeypatch.setattr(auditing, "audit", find_fault)
    assert sparkhouse("dbt", "--quiet", "run", "--select", "dim_users") == 1
    assert Table("marts.dim_users", spark).head() == published
    assert Table("marts.dim_users", spark).branches == {runs(home)[0].run_id}
    assert runs(home)[0].status == FAILED
    drop_all_tables(spark)


def test_a_log_that_breaks_a_rule_of_the_raw_tables_is_taken_in_by_nobody(
    spark: SparkSession, home: Home, sparkhouse: Callable[..., int], tmp_path: Path
) -> None:
    drop_all_tables(spark)
    home.salt.unlink(missing_ok=True)
    simulate(SimulationSpec(users=30, days=4, ids="random"), tmp_path / "log.json")
    with (tmp_path / "log.json").open("a") as log:
        log.writelines("half a li\n" for _ in range(1_000))
    assert sparkhouse("ingest", str(tmp_path / "log.json"), "--quiet") == 1
    assert Table("raw.events", spark).head() is None
    drop_all_tables(spark)


# Doctor


def test_doctor_names_every_damaged_file_and_what_to_do_about_it(state: Home, copied: Home) -> None:
    assert {finding.subject for finding in examine(state, quick=True) if not finding.ok} == set()
    copied.runs.mkdir()
    (copied.runs / "1.json").write_text("{")
    (copied.path / JOURNAL).write_text("{")
    copied.salt.write_text("no salt")
    edit(newest(copied), lambda metadata: metadata.update({"last-updated-ms": int(time.time() * 1000) + 400 * DAY}))
    wrong = {finding.subject: finding for finding in examine(copied, quick=True) if not finding.ok}
    assert set(wrong) == {"Place of the state", "Journal", "Record of a run", "Salt", "Clock"}
    assert "doctor --relocate" in wrong["Place of the state"].remedy
    assert all(finding.remedy for finding in wrong.values())
