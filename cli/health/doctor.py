"""`sparkhouse doctor`: what is installed, what the machine gives, whether it works; what is wrong and its remedy."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from cli.health.cluster import database_finding
from cli.health.machine_checks import Finding, machine_findings
from cli.health.trial import spark_findings
from cli.runs.records import damaged_records
from cli.runs.relocation import require_in_place
from cli.runs.spares import damages
from cli.spark.class_archive import why_unfit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.machine.home import Home

PACKAGES = (
    "pyspark",
    "dbt-core",
    "dbt-spark",
    "great-expectations",
    "mlflow",
    "snowpark-connect-deps-iceberg",
    "typer",
)


def examine(home: Home, *, quick: bool = False) -> Iterator[Finding]:
    """Look at everything that a run needs, and try it; `quick` starts no Spark."""
    yield _python()
    yield from _packages()
    yield _java()
    yield _archive()
    yield from machine_findings(home)
    place = database_finding(home.cluster) if home.cluster else _place(home)
    yield place
    if home.cluster and place.ok:
        place = _place(home)
        yield place
    if home.cluster and not place.ok:
        # Nobody else could tell of the tables.
        return
    if place.ok and not quick:
        yield from spark_findings(home)
    yield from _small_files(home)
    yield from _tables(home)


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    ok = (3, 10) <= sys.version_info[:2] <= (3, 12)
    return Finding(
        "Python", ok, f"{version} in {sys.prefix}", "Use Python 3.10 to 3.12: `make PYTHON=python3.11 setup`."
    )


def _packages() -> Iterator[Finding]:
    installed = {
        package.metadata["Name"].lower().replace("_", "-"): package.version for package in metadata.distributions()
    }
    for name in PACKAGES:
        yield Finding(name, name in installed, installed.get(name, "not installed"), "Run `make setup`.")


def _java() -> Finding:
    binary = Path(os.environ["JAVA_HOME"]) / "bin" / "java"
    try:
        printed = subprocess.run([binary, "-version"], capture_output=True, text=True, check=True).stderr  # noqa: S603
    except (OSError, subprocess.CalledProcessError) as error:
        return Finding(
            "Java", ok=False, found=f"{binary}: {error}", remedy="Run `make setup`, or set JAVA_HOME to a Java 17."
        )
    return Finding(
        "Java",
        ' version "17' in printed,
        f"{printed.splitlines()[0]} ({binary})",
        "Set JAVA_HOME to a Java 17, or unset it.",
    )


def _archive() -> Finding:
    """Whether Java starts from the archive of classes; no fault where it does not."""
    try:
        unfit = why_unfit(os.environ)
    except OSError as error:
        unfit = str(error)
    slower = f"{unfit}: Spark takes longer to start; `make archive` makes one for this Java"
    return Finding("Archive of classes", ok=True, found=slower if unfit else "is there, and fits")


def _place(home: Home) -> Finding:
    from warehouse.publishing.location import ForeignPath, StateElsewhere
    from warehouse.publishing.shared_place import PlaceNotShared

    try:
        require_in_place(home)
    except (StateElsewhere, ForeignPath, PlaceNotShared) as fault:
        return Finding("Place of the state", ok=False, found=home.place, remedy=f"{fault}.")
    if home.cluster:
        return Finding("Place of the tables", ok=True, found=f"{home.place}, the one that the database knows")
    return Finding("Place of the state", ok=True, found="all tables name files of their own")


def _small_files(home: Home) -> Iterator[Finding]:
    """What would make a command refuse, or is set aside by the next one that writes."""
    from warehouse.landing.salt import salt_fault
    from warehouse.publishing.clock import ClockWasAhead, require_past

    if home.journal.is_damaged:
        yield Finding(
            "Journal",
            ok=False,
            found=f"{home.journal.words.place} is damaged",
            remedy="The next command that writes sets it aside.",
        )
    for record in damaged_records(home):
        yield Finding(
            "Record of a run", ok=False, found=str(record), remedy="`sparkhouse doctor --mend` sets it aside."
        )
    if fault := salt_fault(home.salt):
        found, remedy = fault
        yield Finding("Salt", ok=False, found=found, remedy=f"{remedy[0].upper()}{remedy[1:]}.")
    try:
        require_past(home.catalog.written)
    except ClockWasAhead as ahead:
        yield Finding("Clock", ok=False, found="tables were written ahead of now", remedy=f"{ahead}.")


def _tables(home: Home) -> Iterator[Finding]:
    for table, path, message in damages(home):
        yield Finding(table, ok=False, found=path, remedy=message)
    tables = sorted(table.name for table in home.catalog.written)
    yield Finding("Tables", ok=True, found=", ".join(tables) or "none yet: `sparkhouse run` makes them")
