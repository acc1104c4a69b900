"""A cluster on this machine: Spark's own master and workers, PostgreSQL, and a folder that all of them see.

Workers are as unlike this process as another machine's: their environment, working directory, time zone, locale and
Python, which has the libraries of the lock file and nothing of ours; and, where this machine allows it, their network.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hosts import Host

from cli.machine.environment import java_home, package

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hosts import Hosts

JDBC_DRIVER = Path("/usr/share/java/postgresql.jar")
PASSWORD = "not:a/secret @ all%"  # noqa: S105 - of a server that lives for a test
SECONDS_TO_START = 60


class NotStarted(RuntimeError):
    """A process of the cluster did not come up."""


def postgres_programs() -> Path | None:
    """The folder of PostgreSQL's programs, None where it is not installed."""
    found = shutil.which("initdb")
    newest = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return Path(found).resolve().parent if found else newest[-1].parent if newest else None


def lacking() -> str:
    """What a cluster needs and this machine lacks; empty where it has all."""
    lacks = [] if postgres_programs() else ["PostgreSQL"]
    lacks += [] if JDBC_DRIVER.exists() else [f"driver of it for Java ({JDBC_DRIVER})"]
    return f"no {' and no '.join(lacks)}: `make database` installs both from Debian" if lacks else ""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Postgres:
    """A server of PostgreSQL, by default on the loopback, with a database and a user `sparkhouse`."""

    folder: Path
    hosts: Hosts | None = None
    port: int = field(default_factory=free_port)

    @property
    def host(self) -> str:
        return self.hosts.address if self.hosts else "127.0.0.1"

    @property
    def address(self) -> str:
        return f"postgresql://{self.host}:{self.port}/sparkhouse"

    def set_up(self) -> None:
        words = self.folder / "password"
        words.write_text(PASSWORD)
        # It refuses to work for root.
        if os.getuid() == 0:
            owner = pwd.getpwnam("postgres")
            for path in (self.folder, words):
                os.chown(path, owner.pw_uid, owner.pw_gid)
        self._run("initdb", "-D", self.data, "-U", "sparkhouse", "-A", "scram-sha-256", "--pwfile", words, "-E", "UTF8")
        if self.hosts:
            with (self.data / "pg_hba.conf").open("a") as let_in:
                let_in.write(f"host all all {self.hosts.network} scram-sha-256\n")
        self.start()
        environment = {"PGPASSWORD": PASSWORD}
        self._run("createdb", "-h", self.host, "-p", str(self.port), "-U", "sparkhouse", "sparkhouse", **environment)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def start(self) -> None:
        settings = f"-c listen_addresses={self.host} -c port={self.port} -c unix_socket_directories='' -c fsync=off"
        self._run("pg_ctl", "-D", self.data, "-l", self.folder / "log", "-w", "-o", settings, "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", self.data, "-m", "immediate", "-w", "stop")

    def _run(self, program: str, *arguments: str | Path, **environment: str) -> None:
        programs = postgres_programs()
        assert programs
        as_user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        ended = subprocess.run(
            [*as_user, programs / program, *arguments],
            cwd="/",
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **environment},
            stdout=subprocess.PIPE if program != "pg_ctl" else subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            check=False,
        )
        if ended.returncode:
            raise NotStarted(f"{program}: {ended.stdout or (self.folder / 'log').read_text()}")


@contextmanager
def postgres(hosts: Hosts | None = None) -> Iterator[Postgres]:
    # Where another user may come, too.
    folder = Path(tempfile.mkdtemp(prefix="sparkhouse-postgres-"))
    server = Postgres(folder, hosts)
    try:
        server.set_up()
        yield server
    finally:
        with suppress(NotStarted):
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Machines:
    """A standalone master and its workers, each with one core; on hosts of their own, without the `hidden` folders."""

    folder: Path
    python: Path
    memory: str
    hosts: Hosts | None = None
    hidden: tuple[Path, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    places: dict[str, Host] = field(default_factory=dict)

    @property
    def master(self) -> str:
        return f"spark://{self.places['master'].address}:{self.port}"

    def start_master(self) -> None:
        self._start("master", "master.Master", "--port", str(self.port))

    def start_worker(self, name: str) -> None:
        work = self.folder / name / "work"
        self._start(
            name, "worker.Worker", "--cores", "1", "--memory", self.memory, "--work-dir", str(work), self.master
        )

    def wait_for_workers(self, count: int) -> None:
        """Wait until so many have registered with the master since it began."""
        self.wait_for("master", "Registering worker", count)

    def kill(self, name: str) -> None:
        """End a worker and its executors at once, as a machine ends."""
        process = self.processes.pop(name)
        # One that did not come up is gone.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        for name in [*self.processes]:
            self.kill(name)

    def _start(self, name: str, kind: str, *arguments: str) -> None:
        place = self.folder / name
        place.mkdir(parents=True, exist_ok=True)
        spark = package("pyspark")
        host = self.places[name] = self.hosts.host(self.hidden) if self.hosts else Host()
        with (place / "log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [
                    *host.prefix,
                    spark / "bin" / "spark-class",
                    f"org.apache.spark.deploy.{kind}",
                    "--host",
                    host.address,
                    "--webui-port",
                    "0",
                    *arguments,
                ],
                cwd=place,
                env={
                    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                    "HOME": str(place),
                    "JAVA_HOME": str(java_home(None)),
                    "SPARK_HOME": str(spark),
                    "SPARK_CONF_DIR": str(place),
                    "SPARK_LOCAL_DIRS": str(place / "local"),
                    "SPARK_DAEMON_MEMORY": "256m",
                    "SPARK_LOCAL_IP": host.address,
                    "TZ": "America/St_Johns",
                    "LC_ALL": "C",
                    **self.environment,
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_for(self, name: str, words: str, count: int) -> None:
        """Wait until the log of a process has some words so often."""
        until = time.monotonic() + SECONDS_TO_START
        while (self.folder / name / "log").read_text(errors="replace").count(words) < count:
            if time.monotonic() > until or self.processes[name].poll() is not None:
                raise NotStarted((self.folder / name / "log").read_text(errors="replace")[-2000:])
            time.sleep(0.1)


def bare_python(folder: Path) -> Path:
    """Make a Python that has the libraries of this one, and none of our packages: those are here by a link."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (libraries,) = folder.glob("lib/python*/site-packages")
    # What a .pth file names is searched, and its own .pth files, such as ours, are not.
    (libraries / "libraries.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return folder / "bin" / "python"


@contextmanager
def machines(
    folder: Path,
    workers: int = 2,
    memory: str = "1500m",
    hosts: Hosts | None = None,
    hidden: tuple[Path, ...] = (),
    environment: dict[str, str] | None = None,
) -> Iterator[Machines]:
    """Start a master and workers for a block; executors may have so much memory of each worker's."""
    cluster = Machines(folder, bare_python(folder / "python"), memory, hosts, hidden, environment or {})
    try:
        cluster.start_master()
        cluster.wait_for("master", "I have been elected leader", 1)
        for number in range(workers):
            cluster.start_worker(f"worker-{number}")
        cluster.wait_for_workers(workers)
        yield cluster
    finally:
        cluster.stop()


@contextmanager
def hive_metastore(folder: Path) -> Iterator[str]:
    """Start Hive's metastore, of the jars that PySpark brings, for a block; give its address.

    Its database is one of Derby's, made without the tables that Hive's own locks need.
    """
    folder.mkdir(parents=True)
    port = free_port()
    settings = {
        "hive.async.log.enabled": "false",
        "hive.metastore.schema.verification": "false",
        "datanucleus.schema.autoCreateAll": "true",
        "derby.stream.error.file": folder / "derby.log",
        "javax.jdo.option.ConnectionURL": f"jdbc:derby:;databaseName={folder / 'database'};create=true",
    }
    java = java_home(None) / "bin" / "java"
    options = ["-Xmx256m", "-XX:TieredStopAtLevel=1", *(f"-D{name}={value}" for name, value in settings.items())]
    metastore = ["org.apache.hadoop.hive.metastore.HiveMetaStore", "-p", str(port)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                java,
                "-Xmx256m",
                "-XX:TieredStopAtLevel=1",
                *options,
                "-cp",
                package("pyspark") / "jars" / "*",
                *metastore,
            ],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        until = time.monotonic() + SECONDS_TO_START
        while not _listens(port):
            if time.monotonic() > until or process.poll() is not None:
                raise NotStarted((folder / "log").read_text(errors="replace")[-2000:])
            time.sleep(0.1)
        yield f"thrift://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def variables(server: Postgres, cluster: Machines | None, shared: Path, host: Host | None = None) -> dict[str, str]:
    """What tells a command, maybe on a host of its own, of the cluster; without one, of its tables alone."""
    return {
        "SPARKHOUSE_TARGET": "cluster",
        "SPARKHOUSE_MASTER": cluster.master if cluster else "local[1]",
        "SPARKHOUSE_DATABASE": server.address,
        "SPARKHOUSE_DATABASE_USER": "sparkhouse",
        "SPARKHOUSE_DATABASE_PASSWORD": PASSWORD,
        "SPARKHOUSE_WAREHOUSE": str(shared),
        "SPARKHOUSE_JARS": str(JDBC_DRIVER),
        **({"SPARKHOUSE_EXECUTOR_PYTHON": str(cluster.python)} if cluster else {}),
        **({"SPARKHOUSE_DRIVER_HOST": host.address} if host else {}),
    }
