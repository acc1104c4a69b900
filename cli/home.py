"""Where things are: the repository's folders and the state folder."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from models_ml.training_report import TrainingReport
    from models_ml.version_removal import StoredVersion

REPOSITORY = Path(__file__).resolve().parents[1]
DBT_PROJECT = REPOSITORY / "warehouse"
PROFILES = REPOSITORY / "profiles"


class InvalidSetting(ValueError):
    """An environment variable of ours has a value that it cannot have."""


@dataclass(frozen=True)
class Home:
    """The state folder, `$SPARKHOUSE_HOME` or `./var`: nothing is ever written elsewhere."""

    path: Path

    @classmethod
    def from_environment(cls) -> Home:
        """Resolve the state folder and export it, and what dbt and Spark derive from it, to the environment."""
        home = cls(Path(os.environ.get("SPARKHOUSE_HOME") or "var").expanduser().resolve())
        os.environ["SPARKHOUSE_HOME"] = str(home.path)
        os.environ["SPARK_CONF_DIR"] = str(PROFILES)
        os.environ["PYSPARK_PYTHON"] = sys.executable  # workers: the first `python3` on the PATH may be another
        os.environ["DBT_LOG_PATH"] = str(home.path / "dbt" / "logs")
        return home

    @property
    def warehouse(self) -> Path:
        return self.path / "warehouse"

    @property
    def landing(self) -> Path:
        return self.path / "landing"

    @property
    def simulated_log(self) -> Path:
        return self.landing / "simulated.json"

    @property
    def has_logs(self) -> bool:
        """Whether a run has ever begun to ingest a log."""
        return (self.warehouse / "raw" / "ingested_files").is_dir()

    @property
    def reports(self) -> Path:
        return self.path / "reports"

    def model_card(self, version: TrainingReport | StoredVersion) -> Path:
        return self.reports / "model_cards" / f"{version.label}-{version.model_version}.html"

    @property
    def campaigns(self) -> Path:
        return self.reports / "campaigns"

    @property
    def on_drift(self) -> Literal["warn", "stop"]:
        """What the gate does when users or outcomes are no longer what a model was trained on: `$SPARKHOUSE_DRIFT`."""
        chosen = os.environ.get("SPARKHOUSE_DRIFT", "warn")
        if chosen not in {"warn", "stop"}:
            raise InvalidSetting(f"SPARKHOUSE_DRIFT is {chosen!r}: set it to warn or stop")
        return "stop" if chosen == "stop" else "warn"

    @property
    def data_docs(self) -> Path:
        return self.reports / "data_docs"

    @property
    def mlflow(self) -> Path:
        return self.path / "mlflow"

    @property
    def writer_lock(self) -> Path:
        return self.path / "writer.lock"

    @property
    def journal(self) -> Path:
        """The journal of the newest publication."""
        return self.path / "publication.json"

    @property
    def spares(self) -> Path:
        """The published metadata of each table, should the table's own be damaged."""
        return self.path / "spares"

    @property
    def runs(self) -> Path:
        """A record of each run."""
        return self.path / "runs"

    @property
    def salt(self) -> Path:
        return self.path / "salt"

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
