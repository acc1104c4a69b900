"""The target `cluster`: what several machines share, as the environment names it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from warehouse.contract.errors import SparkhouseError
from warehouse.contract.files import path_here
from warehouse.publishing.database import Database
from warehouse.publishing.shared_catalog import SharedCatalog

if TYPE_CHECKING:
    from collections.abc import Mapping

TARGET = "SPARKHOUSE_TARGET"
SESSION, CLUSTER = "session", "cluster"
MASTER, DATABASE, CATALOG = "SPARKHOUSE_MASTER", "SPARKHOUSE_DATABASE", "SPARKHOUSE_CATALOG"
WAREHOUSE, SHARED = "SPARKHOUSE_WAREHOUSE", "SPARKHOUSE_SHARED_FOLDER"
USER, PASSWORD, PASSWORD_FILE = (f"{DATABASE}_{part}" for part in ("USER", "PASSWORD", "PASSWORD_FILE"))
DRIVER_HOST, DRIVER_BIND = "SPARKHOUSE_DRIVER_HOST", "SPARKHOUSE_DRIVER_BIND"
JARS, CONF = "SPARKHOUSE_JARS", "SPARKHOUSE_SPARK_CONF"
EXECUTOR_PYTHON = "SPARKHOUSE_EXECUTOR_PYTHON"
# How the names of the catalog's own settings begin.
OF_CATALOG = "spark.sql.catalog.spark_catalog."
# As libpq and Java's driver both take it; who asks, and with which password, stands elsewhere.
DATABASE_FORM = re.compile(r"postgresql://[^/@?]+/[^/?]+(\?[^?]*)?")
CATALOG_FORM = re.compile(r"(thrift|https?)://.+")
URI = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]+):(//)?.+")
OTHERS = 0o077
LOOPBACK = re.compile(r"localhost|127\..*|\[?::1\]?")
SPARK_HOST = re.compile(r"spark://(?P<host>\[[^]]*\]|[^:,/]+)")


class ClusterNotNamed(SparkhouseError, ValueError):
    """A variable that the target `cluster` needs is missing, or cannot be what it is."""


@dataclass(frozen=True)
class Cluster:
    """What all machines share: the database of journal and lock, the catalog, the tables' place, and a folder.

    `catalog` is the address of a Hive metastore or of a REST catalog; empty where the database is the catalog.
    `warehouse` is a folder that all machines have at the same path, or the URI of an object store or of HDFS. `shared`
    is a folder in any case, the same one if it can be: for logs while they are taken in, models, and the salt.
    """

    master: str
    database: Database
    warehouse: str
    shared: Path
    driver_host: str
    catalog: str = ""
    jars: tuple[Path, ...] = ()
    executor_python: str = ""
    conf: Path | None = None

    @cached_property
    def tables(self) -> SharedCatalog:
        """The tables, as far as can be told without Spark; its connections are kept for as long as this object."""
        own = settings_in(self.conf) if self.conf else {}
        options = {name.removeprefix(OF_CATALOG): value for name, value in own.items() if name.startswith(OF_CATALOG)}
        return SharedCatalog(self.database, self.catalog, options)

    @property
    def has_executors(self) -> bool:
        """Whether tasks run in other processes, maybe on other machines."""
        return not self.master.startswith("local")

    @property
    def python_of_executors(self) -> str:
        """Their Python, if it is another one than this process's."""
        return self.executor_python if self.has_executors else ""

    @property
    def places(self) -> tuple[str, ...]:
        """Where several machines read and write."""
        return tuple(dict.fromkeys((self.warehouse, str(self.shared))))

    @property
    def scratch(self) -> str:
        """Where driver and executors hand files to each other, beside the tables."""
        return f"{self.warehouse}/_scratch"


def cluster_of(environment: Mapping[str, str]) -> Cluster | None:
    """Return what the environment names of a cluster; None where the target is another one.

    Raises ClusterNotNamed.
    """
    target, master = environment.get(TARGET) or SESSION, environment.get(MASTER, "")
    if target == SESSION:
        if master and not master.startswith("local"):
            raise ClusterNotNamed(
                f"{MASTER} is {master!r}, a cluster's: set {TARGET}=cluster as well, or unset it; profiles/README.md "
                "says what else a cluster needs"
            )
        return None
    if target != CLUSTER:
        raise ClusterNotNamed(f"{TARGET} is {target!r}: set it to session or cluster")
    warehouse = _place(_needed(environment, WAREHOUSE, "/mnt/shared/sparkhouse or s3a://bucket/sparkhouse"))
    return Cluster(
        _needed(environment, MASTER, "spark://host:7077, yarn or local[*]"),
        _database(environment),
        warehouse,
        _shared(environment, warehouse),
        _driver_host(environment, master),
        _catalog(environment),
        _jars(environment),
        environment.get(EXECUTOR_PYTHON, ""),
        _conf(environment),
    )


def _needed(environment: Mapping[str, str], name: str, such_as: str) -> str:
    if not environment.get(name):
        raise ClusterNotNamed(f"{TARGET} is cluster, and {name} is not set: set it to something such as {such_as}")
    return environment[name]


def _database(environment: Mapping[str, str]) -> Database:
    address = _needed(environment, DATABASE, "postgresql://host:5432/sparkhouse")
    if not DATABASE_FORM.fullmatch(address):
        without = ", without a user or a password, which have variables of their own" if "@" in address else ""
        raise ClusterNotNamed(f"{DATABASE} has to be something such as postgresql://host:5432/sparkhouse{without}")
    return Database(address, _needed(environment, USER, "sparkhouse"), _password(environment))


def _password(environment: Mapping[str, str]) -> str:
    """The password of the database's user: of the environment, or of a file that only its owner can read."""
    path = Path(environment.get(PASSWORD_FILE) or "")
    if not environment.get(PASSWORD_FILE):
        return environment.get(PASSWORD, "").rstrip("\r\n")
    try:
        if path.stat().st_mode & OTHERS:
            raise ClusterNotNamed(f"{path} can be read by others, and holds a password: chmod 600 {path}")
        return path.read_text().strip()
    except OSError as error:
        raise ClusterNotNamed(f"{PASSWORD_FILE} is {path}, which cannot be read ({error.strerror})") from error


def _place(warehouse: str) -> str:
    """The tables' place as all machines name it: an absolute path, or a URI without an end of its own."""
    if URI.fullmatch(warehouse) and not warehouse.startswith("file:"):
        return warehouse.rstrip("/")
    path = path_here(warehouse)
    if not path:
        raise ClusterNotNamed(f"{WAREHOUSE} is {warehouse!r}: name a folder by its whole path, or a URI")
    return str(path)


def _shared(environment: Mapping[str, str], warehouse: str) -> Path:
    if chosen := environment.get(SHARED):
        if not Path(chosen).is_absolute():
            raise ClusterNotNamed(f"{SHARED} is {chosen!r}: name a folder that all machines share by its whole path")
        return Path(chosen)
    folder = path_here(warehouse)
    if not folder:
        raise ClusterNotNamed(
            f"{WAREHOUSE} is no folder, and {SHARED} is not set: set it to a folder that all machines share, for logs "
            "while they are taken in, for models, and for the salt of pseudonyms"
        )
    return folder


def _driver_host(environment: Mapping[str, str], master: str) -> str:
    """The name by which executors reach this process; on this machine alone it is the loopback."""
    chosen = environment.get(DRIVER_HOST, "")
    named = SPARK_HOST.match(master)
    is_here = master.startswith("local") or (named and LOOPBACK.fullmatch(named["host"]))
    if not is_here and (not chosen or LOOPBACK.fullmatch(chosen)):
        raise ClusterNotNamed(
            f"{MASTER} is {master!r}, and {DRIVER_HOST} is {chosen or 'not set'}: set it to the name or address of "
            "this machine by which executors on others reach it"
        )
    return chosen or "127.0.0.1"


def _catalog(environment: Mapping[str, str]) -> str:
    chosen = environment.get(CATALOG, "")
    if chosen and not CATALOG_FORM.fullmatch(chosen):
        raise ClusterNotNamed(
            f"{CATALOG} is {chosen!r}: set it to thrift://host:9083 of a Hive metastore or https://host of a REST "
            f"catalog, or unset it: then it lies in {DATABASE}"
        )
    return chosen


def _jars(environment: Mapping[str, str]) -> tuple[Path, ...]:
    jars = tuple(Path(each).expanduser().absolute() for each in environment.get(JARS, "").split(",") if each)
    if missing := [str(jar) for jar in jars if not jar.is_file()]:
        raise ClusterNotNamed(f"{JARS} names {', '.join(missing)}: there is no such file")
    return jars


def _conf(environment: Mapping[str, str]) -> Path | None:
    """The file of further settings of Spark, in the form of Spark's own spark-defaults.conf."""
    if not environment.get(CONF):
        return None
    path = Path(environment[CONF]).expanduser().absolute()
    try:
        names = settings_in(path).keys()
    except OSError as error:
        raise ClusterNotNamed(f"{CONF} is {path}, which cannot be read ({error.strerror})") from error
    if others := sorted(name for name in names if not name.startswith("spark.")):
        raise ClusterNotNamed(f"{path} has lines of {', '.join(others)}: each has to set one of Spark's, spark. ...")
    return path


def settings_in(path: Path) -> dict[str, str]:
    """Return what a file of settings sets. Raises OSError."""
    lines = (line.strip() for line in path.read_text().splitlines())
    parts = (re.split(r"\s*[=:\s]\s*", line, maxsplit=1) for line in lines if line and not line.startswith(("#", "!")))
    return {part[0]: "".join(part[1:]) for part in parts}


def make_shared_folders(cluster: Cluster) -> None:
    """Make the folders that several processes write to. Raises OSError."""
    for folder in map(path_here, (*cluster.places, cluster.scratch)):
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
