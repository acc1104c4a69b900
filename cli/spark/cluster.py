"""What executors on other machines need of this one: jars, and our code; and which machines they are."""

from __future__ import annotations

import atexit
import os
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from cli.machine.cluster import make_shared_folders, settings_in
from cli.machine.environment import REPOSITORY, iceberg_jar
from cli.machine.home import InvalidSetting
from cli.spark.sizing import jvm_options
from warehouse.contract.hadoop import hadoop_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyspark import SparkContext

    from cli.machine.cluster import Cluster

# The packages of which tasks run functions.
PACKAGES = ("expectations", "models_ml", "warehouse")
DATABASE_PASSWORD = "spark.sql.catalog.spark_catalog.jdbc.password"  # noqa: S105 - the name of a setting
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


def secrets(cluster: Cluster) -> dict[str, str]:
    """Return what no command line of a process may show."""
    return {DATABASE_PASSWORD: cluster.database.password} if cluster.database.password else {}


def share_checkpoints(context: SparkContext, cluster: Cluster) -> None:
    """Give the session a folder that outlives executors, and takes itself away with this process."""
    make_shared_folders(cluster)
    context.setCheckpointDir(cluster.scratch)
    if place := context.getCheckpointDir():
        atexit.register(_remove, context, place)


def _remove(context: SparkContext, place: str) -> None:
    """Java may be gone already: what is left then goes by `sparkhouse maintain`."""
    with suppress(Exception):
        files, path = hadoop_path(context, place)
        files.delete(path, True)  # noqa: FBT003 - Hadoop's


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
