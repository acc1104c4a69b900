"""`sparkhouse doctor`: what is installed, what the machine gives, whether it works; what is wrong and its remedy."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from cli.machine_checks import Finding, machine_findings
from cli.trial import spark_findings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.home import Home

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
    yield from machine_findings(home)
    if not quick:
        yield from spark_findings(home)
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
        told = subprocess.run([binary, "-version"], capture_output=True, text=True, check=True).stderr  # noqa: S603
    except (OSError, subprocess.CalledProcessError) as error:
        return Finding(
            "Java", ok=False, found=f"{binary}: {error}", remedy="Run `make setup`, or set JAVA_HOME to a Java 17."
        )
    return Finding(
        "Java", ' version "17' in told, f"{told.splitlines()[0]} ({binary})", "Set JAVA_HOME to a Java 17, or unset it."
    )


def _tables(home: Home) -> Iterator[Finding]:
    from warehouse.publishing.spare_metadata import damaged

    for damage in damaged(home.warehouse, home.spares):
        yield Finding(damage.table, ok=False, found=str(damage.path), remedy=damage.message)
    tables = sorted(f"{path.parent.name}.{path.name}" for path in home.warehouse.glob("*/*") if path.is_dir())
    yield Finding("Tables", ok=True, found=", ".join(tables) or "none yet: `sparkhouse run` makes them")
