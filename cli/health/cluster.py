"""What `sparkhouse doctor` finds of a cluster: whether the database answers, and what executors have and see."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from cli.health.machine_checks import Finding
from cli.runs.writer_lock import shared_holder
from warehouse.contract.errors import SparkhouseError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

    from cli.machine.cluster import Cluster
    from cli.machine.home import Home
    from warehouse.landing.witness import Seen

# Of each core some, so that each executor has one.
TASKS_PER_CORE = 2


def database_finding(cluster: Cluster) -> Finding:
    """Ask the database who writes."""
    try:
        writer = shared_holder(cluster.database)
    except SparkhouseError as error:
        return Finding("Database", ok=False, found=cluster.database.address, remedy=str(error))
    return Finding("Database", ok=True, found=f"{cluster.database.address}, {writer or 'nobody writes'}")


def executor_findings(spark: SparkSession, home: Home, cluster: Cluster) -> Iterator[Finding]:
    """Look at the machines of executors through tasks; whether they have our libraries and share the folder."""
    from warehouse.landing.tasks import in_tasks
    from warehouse.landing.witness import look

    folder, words = home.landing / f"probe-{uuid4()}", uuid4().hex
    folder.mkdir(parents=True)
    probe = folder / "probe"
    probe.write_text(words)
    try:
        count = TASKS_PER_CORE * max(2, spark.sparkContext.defaultParallelism)
        seen = in_tasks(spark, look, [(str(probe), words)] * count)
        apart = {_lacking(each) for each in seen if not (each.reads and each.wrote and Path(each.wrote).exists())}
        own = look((str(probe), words))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    yield _libraries(spark, seen, own)
    yield Finding(
        "Shared folder",
        ok=not apart,
        found=f"{cluster.shared}, {'; '.join(sorted(apart)) or 'read and written by all'}",
        remedy="Mount it there at the same path, and let the executors' user read and write what this user does.",
    )


def _lacking(seen: Seen) -> str:
    return f"not {'written' if seen.reads else 'read'} on {seen.machine}"


def _libraries(spark: SparkSession, seen: list[Seen], own: Seen) -> Finding:
    different = {
        f"{each.machine} has {', '.join(sorted({each.python, *each.libraries} - {own.python, *own.libraries}))}"
        for each in seen
        if (each.python, each.libraries) != (own.python, own.libraries)
    }
    infos = spark.sparkContext._jsc.sc().statusTracker().getExecutorInfos()  # noqa: SLF001
    executors = f"{len(infos) - 1} on {', '.join(sorted({each.machine for each in seen}))}"
    return Finding(
        "Executors",
        ok=not different,
        found=f"{executors}: {'; '.join(sorted(different))}" if different else f"{executors}, same libraries as here",
        remedy="Install requirements.lock there, in a Python of the same version; SPARKHOUSE_EXECUTOR_PYTHON names it.",
    )
