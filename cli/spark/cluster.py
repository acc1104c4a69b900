"""What executors on other machines need of this one: jars, and our code; and which machines they are."""

from __future__ import annotations

import atexit
import os
import tempfile
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from cli.machine.cluster import make_shared_folders, settings_in
from cli.machine.environment import REPOSITORY, iceberg_jar
from cli.machine.home import InvalidSetting
from cli.spark.sizing import jvm_options
from warehouse.contract.hadoop import remove_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from py4j.java_gateway import JavaGateway  # type: ignore[import-untyped]
    from pyspark import SparkContext

    from cli.machine.cluster import Cluster
    from warehouse.publishing.database import Database

# The packages of which tasks run functions.
PACKAGES = ("expectations", "models_ml", "warehouse")
# The folder of an executor that they lie in, unpacked: modules read files beside them.
CODE = "sparkhouse-code"
OPTIONS = "spark.executor.extraJavaOptions"


def cluster_settings(cluster: Cluster, of_profile: Mapping[str, str], log_bytes: int = 0) -> dict[str, str]:
    """Return the settings of Spark that stand in no profile. Raises InvalidSetting."""
    own = _of_executors(cluster, of_profile, log_bytes) if cluster.has_executors else {}
    named = settings_in(cluster.conf) if cluster.conf else {}
    if doubled := sorted(named.keys() & {*of_profile, *own}):
        raise InvalidSetting(
            f"{cluster.conf} sets {', '.join(doubled)}, which Sparkhouse sets: take it out there, and use the "
            "variables of profiles/README.md"
        )
    return own


def _of_executors(cluster: Cluster, of_profile: Mapping[str, str], log_bytes: int) -> dict[str, str]:
    options = [of_profile[OPTIONS], jvm_options(log_bytes, os.environ)]
    return {"spark.jars": ",".join(map(str, (iceberg_jar(), *cluster.jars))), OPTIONS: " ".join(options).strip()}


def show_password(gateway: JavaGateway, database: Database) -> None:
    """Let PostgreSQL's driver in Java find the password as libpq does, in a file.

    A setting of the catalog would go to executors with each table, and from their memory to their disks.
    """
    path = _password_file(database) if database.password else os.environ.get("PGPASSFILE", "~/.pgpass")
    gateway.jvm.java.lang.System.setProperty("org.postgresql.pgpassfile", str(Path(path).expanduser()))


def _password_file(database: Database) -> str:
    """Return a file for this process and its JVM: in memory where the system has such, else gone with the process."""
    line = ":".join(("*", "*", "*", _escaped(database.user), _escaped(database.password)))
    if hasattr(os, "memfd_create"):
        number = os.memfd_create("pgpass")
        path = f"/proc/{os.getpid()}/fd/{number}"
    else:
        number, path = tempfile.mkstemp(prefix="pgpass-")
        atexit.register(os.unlink, path)
    os.write(number, f"{line}\n".encode())
    return path


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace(":", "\\:")


def share_checkpoints(context: SparkContext, cluster: Cluster) -> None:
    """Give the session a folder that outlives executors, and takes itself away with this process."""
    make_shared_folders(cluster)
    context.setCheckpointDir(cluster.scratch)
    if place := context.getCheckpointDir():
        atexit.register(_remove, context, place)


def _remove(context: SparkContext, place: str) -> None:
    """Java may be gone already: what is left then goes by `sparkhouse maintain`."""
    with suppress(Exception):
        remove_folder(context, place)


def ship_code(context: SparkContext) -> None:
    """Let tasks import our packages, whatever is installed where they run."""
    # Executors fetch it from here whenever they come up: it goes with the context.
    packed = Path(context._temp_dir) / f"{CODE}.zip"  # noqa: SLF001 - where PySpark keeps what lives as long
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for package in PACKAGES:
            for path in sorted((REPOSITORY / package).rglob("*")):
                if path.suffix in {".md", ".py", ".yaml", ".yml"}:
                    archive.write(path, path.relative_to(REPOSITORY))
    context.addArchive(f"{packed}#{CODE}")
    # As `addPyFile` does with a packed file, which is searched as it is.
    context._python_includes = [*(context._python_includes or []), CODE]  # noqa: SLF001
