"""The whole product on a cluster: Spark's own master and workers, PostgreSQL as catalog, and a folder that all share.

`make test-cluster` runs these, and installs what they need. Each command is a process of its own, as a user's.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cluster import PASSWORD, free_port, lacking, machines, postgres, variables
from driver import SECONDS, Driver
from hosts import NoHosts, hosts
from object_store import object_store
from pyhive import hive
from tables_alike import content, differing

import sparkhouse
from cli.machine.environment import REPOSITORY
from cli.machine.home import Home
from cli.runs.writer_lock import Holder, shared_lock
from models_ml.serving.store import Stores
from warehouse.landing.simulator import SimulationSpec, simulate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cluster import Machines, Postgres
    from hosts import Hosts
    from object_store import ObjectStore

    from cli.machine.cluster import Cluster

pytestmark = [pytest.mark.cluster, pytest.mark.skipif(bool(lacking()), reason=lacking())]

USERS, DAYS = 60, 61
SALT = "5a17" * 16
# What a machine of executors does not have.
OURS = ("cli", "expectations", "models_ml", "profiles", "warehouse")
# What tells one run from another, and nothing about users.
OF_THE_RUN = {
    *("ingested_at", "run_id", "model_version", "mlflow_run_id", "model_uri", "portable_uri", "table_snapshot_ids"),
    *("trained_at", "scored_at"),
}


@pytest.fixture(scope="module")
def network() -> Iterator[Hosts | None]:
    """Hosts for the driver, the master and each worker, which meet nowhere else; None where there can be none."""
    try:
        with hosts() as joined:
            yield joined
    except NoHosts:
        yield None


@pytest.fixture(scope="module")
def server(network: Hosts | None) -> Iterator[Postgres]:
    with postgres(network) as started:
        yield started


@pytest.fixture(scope="module")
def store(network: Hosts | None) -> Iterator[ObjectStore]:
    with object_store(network.address if network else "127.0.0.1") as started:
        yield started


@pytest.fixture(scope="module")
def home_of_first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("first") / "home"


@pytest.fixture(scope="module")
def cluster(
    network: Hosts | None, store: ObjectStore, home_of_first: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Machines]:
    hidden = (home_of_first.parent, *(REPOSITORY / package for package in OURS))
    folder = tmp_path_factory.mktemp("machines")
    with machines(folder, hosts=network, hidden=hidden, environment=store.variables) as started:
        yield started


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that all machines see, with the log and the salt."""
    folder = tmp_path_factory.mktemp("shared")
    simulate(SimulationSpec(USERS, DAYS, seed=5), folder / "log.json")
    (folder / "_salt").write_text(SALT)
    (folder / "_salt").chmod(0o600)
    return folder


@pytest.fixture(scope="module")
def first(network: Hosts | None, server: Postgres, cluster: Machines, shared: Path, home_of_first: Path) -> Driver:
    """A machine whose Spark is the cluster's."""
    host = network.host([cluster.folder]) if network else None
    return Driver(home_of_first, variables(server, cluster, shared, host), host)


@pytest.fixture(scope="module")
def second(server: Postgres, shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Driver:
    """A machine that works on the same tables by itself."""
    return Driver(tmp_path_factory.mktemp("second") / "home", variables(server, None, shared))


@pytest.fixture(scope="module")
def alone(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, subprocess.Popen[str]]]:
    """A run of the same log on one machine, beside that on the cluster, which waits half of its time."""
    home = tmp_path_factory.mktemp("local") / "home"
    home.mkdir()
    shutil.copy2(shared / "_salt", home / "salt")
    driver = Driver(home, {"SPARKHOUSE_MASTER": "local[2]"})
    process = driver.start("run", "--quiet", "--events", str(shared / "log.json"))
    yield home, process
    process.kill()
    process.wait()


@pytest.fixture(scope="module")
def local(alone: tuple[Path, subprocess.Popen[str]]) -> dict[str, dict[str, int]]:
    """What it leaves."""
    home, process = alone
    printed, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, printed + home.with_suffix(".steps").read_text()
    return content(home)


@pytest.fixture(scope="module")
def ran(first: Driver, cluster: Machines, shared: Path, alone: object) -> str:
    """A run on the cluster of which one worker after the other is killed: in the ingest, the build, the training.

    Returns what was seen of its processes on the way.
    """
    assert alone
    process = first.start("run", "--quiet", "--events", str(shared / "log.json"))
    for number, (what, has_begun) in enumerate(
        {
            "ingest": lambda: any((shared / "raw" / "events" / "data").glob("*")),
            "build": (shared / "intermediate" / "int_session_days").exists,
            "train": lambda: first.steps.read_text().count("\npublish ") == 1,
        }.items()
    ):
        wait_until(has_begun, process, first, what)
        if what == "train":
            time.sleep(3)
        cluster.kill(f"worker-{number}")
        cluster.start_worker(f"worker-{number + 2}")
    seen = command_lines()
    printed, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, printed + first.steps.read_text()
    return seen


def wait_until(has_begun: Callable[[], bool], process: subprocess.Popen[str], driver: Driver, what: str) -> None:
    until = time.monotonic() + SECONDS
    while not has_begun():
        assert process.poll() is None, driver.steps.read_text()
        assert time.monotonic() < until, f"{what} did not begin: {driver.steps.read_text()}"
        time.sleep(0.02)


def command_lines() -> str:
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            lines.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return "\n".join(lines)


def state_of(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> dict[str, int | None]:
    """The published snapshot of each shared table but those that tell of runs, read by this process without Spark."""
    entered(driver, monkeypatch)
    found = {table.name: table.snapshot_id for table in sparkhouse.tables()}
    return {name: snapshot_id for name, snapshot_id in found.items() if not name.startswith("monitoring.")}


def entered(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> Home:
    for name in [name for name in os.environ if name.startswith("SPARKHOUSE_")]:
        monkeypatch.delenv(name)
    for name, value in {**driver.environment, "SPARKHOUSE_HOME": str(driver.home)}.items():
        monkeypatch.setenv(name, value)
    return Home.of_process()


def the_cluster(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    found = entered(driver, monkeypatch).cluster
    assert found
    return found


@pytest.mark.usefixtures("ran")
def test_tables_and_predictions_are_those_of_one_machine_though_workers_were_killed(
    first: Driver, local: dict[str, dict[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    entered(first, monkeypatch)
    differences = {
        name: [column for column in columns if column not in OF_THE_RUN]
        for name, columns in differing(local, content()).items()
    }
    assert {name: columns for name, columns in differences.items() if columns} == {}
    assert {"ml.churn_predictions", "marts.fct_user_features", "raw.events"} <= local.keys()


def test_the_doctor_tells_of_the_cluster_and_nobody_of_the_password(
    ran: str, first: Driver, network: Hosts | None, cluster: Machines, shared: Path, tmp_path: Path
) -> None:
    told = first.command("doctor")
    assert re.search(r"Database: .*nobody writes", told)
    assert re.search(r"Executors: 2 .*same libraries", told)
    assert re.search(r"Shared folder: .*read and written by all", told)
    assert "SparkSubmit" in ran
    assert "CoarseGrainedExecutorBackend" in ran
    assert PASSWORD not in ran
    executors = set(re.findall(r"CoarseGrainedExecutorBackend .*--hostname (\S+)", ran))
    if network:
        assert executors
        assert executors <= {host.address for host in network.made} - {cluster.places["master"].address}
        assert first.environment["SPARKHOUSE_DRIVER_HOST"] not in executors
    (tmp_path / "told").write_text(told + first.command("runs"))
    for folder in (first.home, shared, cluster.folder, tmp_path):
        found = subprocess.run(["grep", "-rlF", PASSWORD, folder], capture_output=True, text=True, check=False)
        assert found.stdout == "", "files that hold the password"


@pytest.mark.usefixtures("ran")
def test_what_executors_get_holds_no_password(second: Driver) -> None:
    """They keep tables that they work on in memory, and on disk where it is short."""
    sent = f"""
from cli.machine.home import Home
from cli.spark.session import start_spark

Home.from_environment()
spark = start_spark()
java = spark._jvm
table = java.org.apache.iceberg.spark.Spark3Util.loadIcebergTable(spark._jsparkSession, "raw.events")
kept = java.java.io.ByteArrayOutputStream()
java.java.io.ObjectOutputStream(kept).writeObject(java.org.apache.iceberg.SerializableTable.copyOf(table))
settings = spark.sparkContext.getConf().toDebugString()
for words in (bytes(kept.toByteArray()), settings.encode()):
    print(b"jdbc.user" in words, {PASSWORD!r}.encode() in words)
"""
    told = subprocess.run(
        [sys.executable, "-c", sent], env=second.own_environment, capture_output=True, text=True, check=False
    )
    assert told.stdout.split("\n") == ["True False", "True False", ""], told.stderr


@pytest.mark.usefixtures("ran")
def test_another_machine_reads_the_same_tables(second: Driver) -> None:
    counted = second.command("sql", "select count(*) as events from raw.events", "--format", "csv")
    assert int(counted.split()[1]) > 10_000
    assert "ml.churn_predictions" in second.command("tables", "--format", "csv")


@pytest.mark.usefixtures("ran")
def test_another_machine_knows_of_the_run_and_serves_what_it_published(
    first: Driver, second: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run,) = json.loads(second.command("runs", "--format", "json"))
    assert (run["command"], run["status"]) == ("run", "published")
    assert not (second.home / "runs").exists()
    publication = Stores(entered(second, monkeypatch).serving).newest().publication
    journal = entered(first, monkeypatch).journal.read()
    assert journal
    assert publication.run_id == run["run_id"] == journal.run_id


@pytest.mark.usefixtures("ran")
def test_of_two_machines_one_writes_and_the_other_is_refused_or_waits(
    first: Driver, second: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = the_cluster(first, monkeypatch).database
    holder = Holder("build", "20181201T000000", 42, "2018-12-01T00:00:00+00:00")
    with shared_lock(database, holder, None):
        refused = second.command("maintain", "--quiet", code=2)
        assert re.search(r"`sparkhouse build`, run 20181201T000000, process 42 on \S+, .* is writing", refused)
        assert "--wait" in refused
        waiting = second.start("maintain", "--quiet", "--wait")
        wait_until(lambda: "waiting: " in second.steps.read_text(), waiting, second, "the wait")
    printed, _ = waiting.communicate(timeout=SECONDS)
    assert waiting.returncode == 0, second.steps.read_text()
    assert re.search(r"ml\.churn_predictions +\d+ +\d+", printed), "upkeep of the shared tables"


@pytest.mark.usefixtures("ran")
def test_a_publication_of_a_killed_driver_is_finished_by_the_next_command(
    first: Driver, second: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = state_of(first, monkeypatch)
    journal = entered(first, monkeypatch).journal
    published = journal.read()
    assert published
    runs = json.loads(first.command("runs", "--format", "json"))
    run = next(each["run_id"] for each in runs if each["status"] == "published")
    driver = second.start("rollback", run)
    wait_until(lambda: journal.unfinished is not None, driver, second, "the publication")
    os.killpg(driver.pid, signal.SIGKILL)
    driver.wait()
    assert journal.unfinished, "it was killed too late"
    # A reader of another machine sees the state before, and finishes what was begun, as nobody writes.
    assert state_of(first, monkeypatch) == before
    first.command("sql", "select 1")
    finished = journal.read()
    assert finished
    assert finished.finished_at
    assert finished.run_id not in {published.run_id, run}
    assert state_of(first, monkeypatch)["raw.events"] != before["raw.events"]
    second.command("rollback", finished.run_id, "--quiet")
    assert state_of(first, monkeypatch) == before
    became = {each["run_id"]: each["status"] for each in json.loads(first.command("runs", "--format", "json"))}
    assert became[finished.run_id] == "rolled back"


@pytest.mark.usefixtures("ran")
def test_a_machine_without_the_shared_folder_is_refused_and_changes_nothing(
    first: Driver, second: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = state_of(first, monkeypatch)
    unmounted = Driver(tmp_path / "home", {**second.environment, "SPARKHOUSE_WAREHOUSE": str(tmp_path / "shared")})
    for command in (("sql", "select 1"), ("maintain",), ("doctor", "--mend", "--quick"), ("tables",)):
        told = unmounted.command(*command, code=2)
        assert re.search(r"is not, on this machine, the place of the tables of .*: it is empty", told)
    assert not (tmp_path / "shared").exists()
    assert state_of(first, monkeypatch) == before


@pytest.mark.usefixtures("ran")
def test_a_server_of_sql_answers_from_the_shared_tables(second: Driver) -> None:
    port = free_port()
    second.command("sql-server", "start", "--port", str(port))
    try:
        with closing(hive.connect("127.0.0.1", port)) as connection, closing(connection.cursor()) as cursor:
            cursor.execute("select count(*) from ml.churn_predictions")
            (by_hive,) = cursor.fetchone()
            with pytest.raises(hive.OperationalError, match="only reads"):
                cursor.execute("drop table ml.churn_predictions")
        by_command = second.command("sql", "select count(*) from ml.churn_predictions", "--format", "csv")
        assert by_command.split()[1] == str(by_hive)
        assert by_hive > 0
    finally:
        second.command("sql-server", "stop")


@pytest.mark.usefixtures("ran")
def test_damaged_metadata_are_told_and_mended_from_the_spare(
    first: Driver, second: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = state_of(first, monkeypatch)
    places = {table.name: Path(table.path) for table in sparkhouse.tables()}
    places["marts.fct_user_features"].unlink()
    places["ml.churn_predictions"].write_text("{")
    with pytest.raises(sparkhouse.SparkhouseError, match="cannot be read"):
        sparkhouse.read("ml.churn_predictions")
    told = second.command("doctor", "--quick", code=1)
    for name in ("marts.fct_user_features", "ml.churn_predictions"):
        assert re.search(rf"{name}.*\n?.*doctor --mend", told), told
    told = second.command("doctor", "--mend", "--quick")
    assert "marts.fct_user_features is at" in told
    assert state_of(first, monkeypatch) == before


@pytest.mark.usefixtures("ran")
def test_a_log_in_a_store_is_copied_by_the_executors(
    first: Driver,
    second: Driver,
    cluster: Machines,
    store: ObjectStore,
    network: Hosts | None,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = tmp_path / "log.json"
    lines = simulate(SimulationSpec(5, 10, seed=6), log).rows
    store.put("logs/day=2018-10-01 00%3A00/a.json", log.read_bytes())
    with_store = Driver(first.home, {**first.environment, **store.variables}, first.host)
    with caplog.at_level("INFO", "werkzeug"):
        with_store.command("ingest", "--quiet", "s3a://logs")
    counted = second.command(
        "sql", "select count(*) from raw.events where source_file like 's3a://logs/day=%'", "--format", "csv"
    )
    assert counted.split()[1] == str(lines)
    copied_by = set(re.findall(r"(\S+) - - .*GET /logs/day", caplog.text))
    workers = {host.address for name, host in cluster.places.items() if name != "master"}
    assert copied_by, caplog.text
    assert not network or copied_by <= workers
