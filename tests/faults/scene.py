"""What the fault tests share: a warehouse with one run behind it and the log of the next, and readers of its tables."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from unittest.mock import patch

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SPARKHOUSE = Path(sys.executable).with_name("sparkhouse")
DAYS, DAYS_BEFORE = 61, 60
# What tells of the run, not of the log: when, from which file, under which name.
OF_THE_RUN = {
    "ingested_at",
    "source_file",
    "scored_at",
    "trained_at",
    "model_version",
    "mlflow_run_id",
    "registry_version",
    "model_uri",
    "portable_uri",
    "table_snapshot_ids",
}


class Seen(NamedTuple):
    """What a reader sees of a table: its rows and their hash."""

    rows: int
    hash: int


NOTHING = Seen(0, 0)
Hashes = dict[str, Seen]


@dataclass(frozen=True)
class Scene:
    """The folders: the state that every run starts from, the one that runs work in, and the logs of both runs."""

    folder: Path

    @property
    def kept(self) -> Path:
        return self.folder / "kept"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def log(self, *, later: bool) -> Path:
        return self.folder / ("later" if later else "before")

    def restore(self) -> None:
        shutil.rmtree(self.home, ignore_errors=True)
        shutil.copytree(self.kept, self.home)

    def start(self, *, later: bool = True) -> subprocess.Popen[str]:
        """Start a run in a process group of its own; its steps are on the error stream."""
        command = [str(SPARKHOUSE), "run", "--quiet", "--events", str(self.log(later=later))]
        environment = {**os.environ, "SPARKHOUSE_HOME": str(self.home), "PYTHONUNBUFFERED": "1"}
        return subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=(self.folder / "steps.txt").open("w"),
            start_new_session=True,
            text=True,
        )

    def command(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command of `sparkhouse` to its end."""
        return subprocess.run(
            [str(SPARKHOUSE), *arguments],
            env={**os.environ, "SPARKHOUSE_HOME": str(self.home), **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def run(self, *, later: bool = True) -> None:
        """Run to the end. Raises SystemExit, with what the run said, if it failed."""
        if self.start(later=later).wait():
            raise SystemExit(self.told)

    @property
    def told(self) -> str:
        """What the newest run said on the error stream."""
        return (self.folder / "steps.txt").read_text()

    @property
    def steps_done(self) -> list[str]:
        return re.findall(r"^(\w+) +[\d.]+ s  ok", self.told, re.MULTILINE)

    @property
    def is_publishing(self) -> bool:
        """Whether the journal on disk tells of a publication that has not ended."""
        try:
            return '"finished_at": null' in (self.home / "publication.json").read_text()
        except FileNotFoundError:
            return False


def prepared(folder: Path) -> Scene:
    """Simulate the logs, run the first of them, and keep the state that it leaves."""
    scene = Scene(folder)
    simulate(scene)
    scene.run(later=False)
    scene.home.rename(scene.kept)
    scene.restore()
    return scene


def simulate(scene: Scene) -> None:
    days = scene.folder / "days"
    options = ["--users", "150", "--ids", "random", "--seed", "7", "--by-day", "--days", str(DAYS), "--out", str(days)]
    subprocess.run([SPARKHOUSE, "simulate", "--quiet", *options], check=True)
    for later, files in ((False, sorted(days.iterdir())[:DAYS_BEFORE]), (True, sorted(days.iterdir())[DAYS_BEFORE:])):
        scene.log(later=later).mkdir()
        for file in files:
            file.rename(scene.log(later=later) / file.name)


class Reader:
    """A session of another process than the runs, as any reader's."""

    def __init__(self, scene: Scene) -> None:
        from cli.machine.home import Home
        from cli.spark.session import start_spark

        own = {"SPARKHOUSE_HOME": str(scene.home), "SPARKHOUSE_DRIVER_MEMORY": "1g"}
        before = dict(os.environ)
        os.environ.update(own)
        self.home = Home.from_environment()
        # A folder of its own for temporary files: the scene's comes and goes with each attempt.
        with patch("cli.spark.jvm.temporary_folders", lambda _: [scene.folder]):
            self.spark: SparkSession = start_spark()
        self.journal = self.home.journal
        os.environ.clear()
        os.environ.update(before)

    def plainly(self) -> Hashes:
        """Rows and hash of each table as any query on it sees them."""
        return {name: seen if seen.rows else NOTHING for name in self._names() for seen in (self._hash(name),)}

    def together(self) -> Hashes:
        """The same for the state that `sparkhouse sql` reads."""
        from warehouse.publishing.reading import newest_snapshots
        from warehouse.publishing.spark_catalog import SparkCatalog

        pins = newest_snapshots(SparkCatalog(self.spark), self.journal, self._names())
        return {name: self._hash(f"{name} version as of {head}") if head else NOTHING for name, head in pins.items()}

    def _names(self) -> list[str]:
        from warehouse.publishing.tables import tables

        return sorted(table.name for table in tables(self.spark))

    def columns(self, name: str) -> dict[str, int]:
        """The hash of each column of a table, to tell in which two states of it differ."""
        names = self._compared(name)
        (found,) = self.spark.sql(f"select {', '.join(map(_hash_of, names))} from {name}").collect()
        return dict(zip(names, map(int, found), strict=True))

    def _hash(self, relation: str) -> Seen:
        row = _hash_of(*self._compared(relation))
        return Seen(*map(int, self.spark.sql(f"select count(*), {row} from {relation}").collect()[0]))

    def _compared(self, relation: str) -> list[str]:
        return [name for name in sorted(self.spark.sql(f"select * from {relation}").columns) if name not in OF_THE_RUN]


def _hash_of(*columns: str) -> str:
    """A hash that does not know the order of rows; of text, so that maps can be hashed, too."""
    names = ", ".join(f"`{name}`" for name in columns)
    return f"coalesce(sum(cast(xxhash64(to_json(struct({names}))) as decimal(38, 0))), 0)"
