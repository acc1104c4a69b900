"""Where things are: the repository's folders and the state folder."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cli.machine.cluster import Cluster, cluster_of
from cli.machine.environment import DBT_PROJECT, PROFILES, REPOSITORY, Machine, enter, forget_python_path
from warehouse.contract.errors import SparkhouseError
from warehouse.publishing.database import DatabaseRow
from warehouse.publishing.disk_catalog import DiskCatalog
from warehouse.publishing.journal import JOURNAL, Journal, JournalFile

if TYPE_CHECKING:
    from models_ml.registry.training_report import TrainingReport
    from models_ml.registry.version_removal import StoredVersion
    from warehouse.publishing.stored_tables import StoredCatalog

__all__ = ["DBT_PROJECT", "PROFILES", "REPOSITORY", "Home", "InvalidSetting", "shown"]

# Of each setting of ours that has a form: what it can be, and an example.
SETTINGS = {
    "SPARKHOUSE_DRIVER_MEMORY": (r"\d+[kmgt]b?", "4g"),
    "SPARKHOUSE_JIT": ("c1|c2", "c1"),
    "SPARKHOUSE_MASTER": (r"local|local\[(\*|\d+)(, *\d+)?\]|yarn|(spark|k8s)://.+", "local[*]"),
    "SPARKHOUSE_SHUFFLE_PARTITIONS": (r"[1-9]\d*", "4"),
    "SPARKHOUSE_SQL_IDLE_MINUTES": (r"\d+(\.\d+)?", "15"),
}


class InvalidSetting(SparkhouseError, ValueError):
    """An environment variable of ours has a value that it cannot have."""


@dataclass(frozen=True)
class Home:
    """The state folder, `$SPARKHOUSE_HOME` or `./var`: nothing is ever written elsewhere.

    But for what machines of a `cluster` share: tables, their journal, and what is about them rather than about this
    machine (`_of_tables`). `left_out` names the variables of other projects that were set when the process began.
    """

    path: Path
    left_out: tuple[str, ...] = field(default=(), compare=False)
    cluster: Cluster | None = None

    @classmethod
    def from_environment(cls) -> Home:
        """Resolve the state folder, once, and put the process into an environment of ours: UTC, nothing inherited.

        Raises InvalidSetting.
        """
        forget_python_path()
        path = state_folder(os.environ.get("SPARKHOUSE_HOME"))
        for name, (rule, such_as) in SETTINGS.items():
            if os.environ.get(name) and not re.fullmatch(rule, os.environ[name], re.IGNORECASE):
                raise InvalidSetting(
                    f"{name} is {os.environ[name]!r}: set it to something such as {such_as}, or unset it"
                )
        cluster = cluster_of(os.environ)
        return cls(path, tuple(enter(Machine.here(path, cluster))), cluster)

    @classmethod
    def of_process(cls) -> Home:
        """Return the state folder of a process whose environment was made already."""
        return cls(Path(os.environ["SPARKHOUSE_HOME"]), cluster=cluster_of(os.environ))

    @property
    def catalog(self) -> StoredCatalog:
        """The tables, as far as can be told without Spark."""
        return self.cluster.tables if self.cluster else DiskCatalog(self.warehouse)

    @property
    def executors(self) -> Cluster | None:
        """The cluster whose executors do Spark's work; None where this process's own JVM does."""
        return self.cluster if self.cluster and self.cluster.has_executors else None

    @property
    def place(self) -> str:
        """Where the tables are, in words."""
        return self.cluster.warehouse if self.cluster else str(self.path)

    @property
    def warehouse(self) -> Path:
        """The folder of the tables; on a cluster, the catalog knows where they are."""
        return self.path / "warehouse"

    def place_of(self, schema: str) -> str:
        """Where tables of a schema lie that nothing else is said of."""
        return f"{self.cluster.warehouse if self.cluster else self.warehouse}/{schema}"

    @property
    def disk(self) -> Path:
        """A folder on the disk that logs and, where they lie in folders, tables need room on."""
        return self.cluster.shared if self.cluster else self.path

    @property
    def own_warehouse(self) -> Path | None:
        """The folder of the tables, where it belongs to this state folder alone; None on a cluster."""
        return None if self.cluster else self.warehouse

    def _of_tables(self, name: str) -> Path:
        """A file or folder that belongs to the tables, so that all machines that share them find it."""
        return self.cluster.shared / f"_{name}" if self.cluster else self.path / name

    @property
    def landing(self) -> Path:
        """Logs while they are taken in."""
        return self._of_tables("landing")

    @property
    def simulated_log(self) -> Path:
        return self.landing / "simulated.json"

    @property
    def has_logs(self) -> bool:
        """Whether a run has ever begun to ingest a log."""
        return any(table.name == "raw.ingested_files" for table in self.catalog.written)

    @property
    def reports(self) -> Path:
        return self.path / "reports"

    @property
    def report_page(self) -> Path:
        """The first page of the report."""
        return self.reports / "index.html"

    def model_card(self, version: TrainingReport | StoredVersion) -> Path:
        return self.model_cards / f"{version.label}-{version.model_version}.html"

    @property
    def model_cards(self) -> Path:
        return self.reports / "model_cards"

    @property
    def run_json(self) -> Path:
        """The record of the last `sparkhouse run`."""
        return self.reports / "run.json"

    @property
    def campaigns(self) -> Path:
        return self.reports / "campaigns"

    @property
    def limits(self) -> Path:
        """The user's own limits of the gate, and the outages of the service.

        Raises InvalidSetting where they are kept from the machines that share the tables.
        """
        limits, own = self._of_tables("limits.yml"), self.path / "limits.yml"
        if own.exists() and not limits.exists():
            raise InvalidSetting(
                f"{own} does not hold for the tables that machines share: move it to {limits}, where all find it"
            )
        return limits

    @property
    def on_drift(self) -> Literal["warn", "stop"] | None:
        """What the gate does when users or outcomes are no longer what a model was trained on: `$SPARKHOUSE_DRIFT`."""
        chosen = os.environ.get("SPARKHOUSE_DRIFT")
        if not chosen:
            return None
        if chosen not in {"warn", "stop"}:
            raise InvalidSetting(f"SPARKHOUSE_DRIFT is {chosen!r}: set it to warn or stop")
        return "stop" if chosen == "stop" else "warn"

    @property
    def data_docs(self) -> Path:
        return self.reports / "data_docs"

    @property
    def data_docs_page(self) -> Path:
        """The first page of the Data Docs of the last audit."""
        return self.data_docs / "index.html"

    @property
    def dbt_docs(self) -> Path:
        """The page of dbt's documentation."""
        return self.reports / "dbt-docs.html"

    @property
    def dbt_manifest(self) -> Path:
        """What the last dbt command knew of the project."""
        return self.path / "dbt" / "target" / "manifest.json"

    @property
    def serving(self) -> Path:
        """What the web app reads: a file for each of the newest publications."""
        return self._of_tables("serving")

    @property
    def mlflow(self) -> Path:
        return self._of_tables("mlflow")

    @property
    def writer_lock(self) -> Path:
        return self.path / "writer.lock"

    @property
    def journal(self) -> Journal:
        """The journal of the newest publication."""
        return Journal(DatabaseRow(self.cluster.database) if self.cluster else JournalFile(self.path / JOURNAL))

    @property
    def metadata_backups(self) -> Path:
        """The published metadata of each table, should the table's own be damaged."""
        return self.path / "spares"

    @property
    def runs(self) -> Path:
        """A record of each run."""
        return self._of_tables("runs")

    @property
    def sql_history(self) -> Path:
        """What was typed in the shell of SQL; its owner's alone to read."""
        return self.path / "sql-history"

    @property
    def salt(self) -> Path:
        return self._of_tables("salt")

    @property
    def tmp(self) -> Path:
        """Spark's temporary files."""
        return self.path / "tmp"

    @property
    def former_homes(self) -> Path:
        """Where the state folder was before it was copied or moved."""
        return self.path / "former_homes.json"


def shown(path: Path) -> str:
    """A path as people want to read it: relative where it lies below the working directory."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def state_folder(chosen: str | None) -> Path:
    """Return the absolute path of the state folder that $SPARKHOUSE_HOME names, of ./var if it is not set.

    Raises InvalidSetting.
    """
    try:
        path = Path(chosen or "var").expanduser().resolve()
    except (OSError, RuntimeError) as error:
        raise InvalidSetting(
            f"SPARKHOUSE_HOME is {chosen!r}, which leads nowhere ({error}): set it to a folder"
        ) from error
    if not chosen and path == Path("/var"):
        raise InvalidSetting(
            "SPARKHOUSE_HOME is not set, and ./var would be the system's /var: set it to a folder of yours"
        )
    if path.exists() and not path.is_dir():
        raise InvalidSetting(f"SPARKHOUSE_HOME is {path}, which is a file: set it to a folder")
    return path
