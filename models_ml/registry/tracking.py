"""MLflow: one run per training, and the model registry. Imports of MLflow take seconds, so they wait until needed."""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyspark

from models_ml.errors import MisplacedStore, ModelNotStored
from models_ml.registry.mlflow_location import EXPERIMENT, misplaced, own_uri
from models_ml.registry.shared_files import is_shared, loaded_by_executors, place_for_executors
from warehouse.contract.errors import SparkhouseError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlflow import MlflowClient
    from mlflow.entities import RunInfo
    from pyspark.ml import PipelineModel

PORTABLE, PROFILE, CARD = "model.json", "training_profile.json", "metric_card.html"

# Read when MLflow is imported.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")


DATABASE = "mlflow.db"


class StoreNotUpgraded(SparkhouseError, RuntimeError):
    """The tracking store has the schema of another MLflow, and cannot be brought up to date."""


@dataclass(frozen=True)
class PublishedModel:
    """Where a fitted pipeline can be found again, and the same model as one JSON."""

    mlflow_run_id: str
    registered_model: str
    registry_version: str
    model_uri: str
    portable_uri: str

    @property
    def model_version(self) -> str:
        """The registry counts per label and store; the run id makes it unique."""
        return f"v{self.registry_version}-{self.mlflow_run_id[:8]}"


@dataclass(frozen=True)
class Tracking:
    """The tracking store and registry: `$MLFLOW_TRACKING_URI`, else an SQLite file in the folder."""

    client: MlflowClient
    experiment_id: str
    folder: Path

    @classmethod
    def open(cls, folder: Path) -> Tracking:
        """Connect, and create the store and the experiment where they are missing (seconds, the first time).

        A store of ours that an older MLflow made is upgraded first.

        Raises:
            MisplacedStore: what is written would go to the folder that this one was copied or moved from.
            StoreNotUpgraded: this MLflow cannot read it.
        """
        from mlflow import MlflowClient

        _require_own(folder)
        logging.getLogger("mlflow").setLevel(logging.WARNING)
        logging.getLogger("alembic").setLevel(logging.WARNING)
        folder.mkdir(parents=True, exist_ok=True)
        uri = os.environ.get("MLFLOW_TRACKING_URI")
        if not uri:
            uri = f"sqlite:///{_addressable(folder.resolve()) / DATABASE}"
            upgrade_store(folder / DATABASE, uri)
        client = MlflowClient(tracking_uri=uri, registry_uri=os.environ.get("MLFLOW_REGISTRY_URI") or uri)
        experiment = client.get_experiment_by_name(EXPERIMENT)
        if experiment:
            return cls(client, experiment.experiment_id, folder)
        # A tracking server keeps artifacts itself; without one MLflow would put them under the working directory.
        artifacts = None if uri.startswith("http") else (folder.resolve() / "artifacts").as_uri()
        return cls(client, client.create_experiment(EXPERIMENT, artifact_location=artifacts), folder)

    def publish(
        self, label: str, model: PipelineModel, parameters: dict[str, str], metrics: dict[str, float]
    ) -> PublishedModel:
        """Log one finished run with its model and register the model as the next version of `sparkhouse-<label>`."""
        run = self.client.create_run(self.experiment_id, run_name=label, tags={"label": label}).info
        try:
            self._log(run, parameters, metrics)
            self._log_model(run.run_id, model)
            published = self._register(registered_name(label), run)
        except BaseException:
            self.client.set_terminated(run.run_id, "FAILED")
            raise
        self.client.set_terminated(run.run_id)
        return published

    def _log(self, run: RunInfo, parameters: dict[str, str], metrics: dict[str, float]) -> None:
        from mlflow.entities import Metric, Param

        logged = [Metric(name, value, run.start_time, 0) for name, value in metrics.items()]
        self.client.log_batch(run.run_id, logged, [Param(name, value) for name, value in parameters.items()])

    def _register(self, name: str, run: RunInfo) -> PublishedModel:
        if not self.client.search_registered_models(f"name = '{name}'"):
            self.client.create_registered_model(name)
        model_uri = f"{run.artifact_uri}/model"
        version = self.client.create_model_version(name, model_uri, run_id=run.run_id)
        portable_uri = f"{run.artifact_uri}/{PORTABLE}"
        return PublishedModel(run.run_id, name, str(version.version), model_uri, portable_uri)

    def attach(self, published: PublishedModel, texts: Mapping[str, str]) -> None:
        """Add text files, by name, to the artifacts of a version."""
        for name, text in texts.items():
            self.client.log_text(published.mlflow_run_id, text, name)

    def _log_model(self, run_id: str, model: PipelineModel) -> None:
        import mlflow

        with tempfile.TemporaryDirectory() as scratch:
            # Named requirements: else MLflow starts a process to find them out.
            requirements = [f"pyspark=={pyspark.__version__}", f"mlflow=={mlflow.__version__}"]
            local = Path(scratch) / "model"
            with place_for_executors(f"{scratch}/dfs") as place:
                mlflow.spark.save_model(model, str(local), dfs_tmpdir=place, pip_requirements=requirements)
            self.client.log_artifacts(run_id, str(local), "model")


def registered_name(label: str) -> str:
    """Return what the registry calls the model of a label."""
    return f"sparkhouse-{label}"


def _require_own(folder: Path) -> None:
    foreign = None if os.environ.get("MLFLOW_TRACKING_URI") else misplaced(folder, folder.parent)
    if foreign:
        msg = f"the models of {folder.parent} are still those of {foreign}: run sparkhouse doctor --relocate"
        raise MisplacedStore(msg)


def _addressable(folder: Path) -> Path:
    """The folder by a name that stands for itself in a database's address: `?` and `%` do not."""
    if not {"?", "%"} & set(str(folder)):
        return folder
    links = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, links, ignore_errors=True)
    (links / "mlflow").symlink_to(folder)
    return links / "mlflow"


def upgrade_store(database: Path, uri: str) -> None:
    """Bring a store that an older MLflow made to the schema of this one; the old one stays beside it as a copy.

    Raises StoreNotUpgraded; the store is then as it was.
    """
    from mlflow.store.db.utils import (
        _get_latest_schema_revision,
        _get_schema_version,
        _upgrade_db,
        create_sqlalchemy_engine,
    )

    if not database.exists():
        return
    engine = create_sqlalchemy_engine(uri)
    found, wanted = _get_schema_version(engine), _get_latest_schema_revision()
    if found in {None, wanted}:
        return
    copy = database.with_name(f"{database.name}.{found}")
    shutil.copy2(database, copy)
    try:
        _upgrade_db(engine)
    except Exception as error:
        engine.dispose()
        shutil.copy2(copy, database)
        msg = f"{database} has the schema {found} of another MLflow, which this one cannot upgrade to {wanted}"
        raise StoreNotUpgraded(f"{msg}: use the MLflow that wrote it, or move the folder away") from error


def load_model(model_uri: str, folder: Path) -> PipelineModel:
    """Load a published pipeline, as MLlib has it: from the columns of the feature table to its scores.

    `folder` is the MLflow folder of the state folder.

    Raises:
        ModelNotStored: nothing is there any more.
    """
    import mlflow

    uri = own_uri(model_uri, folder)
    with stored(uri), place_for_executors(str(folder / "tmp")) as place:
        if is_shared(place):
            return loaded_by_executors(mlflow.artifacts.download_artifacts(uri), place)
        model: PipelineModel = mlflow.spark.load_model(uri, dfs_tmpdir=place)
    return model


def load_text(uri: str, folder: Path) -> str:
    """Load a text file that belongs to a version, from the MLflow folder of the state folder.

    Raises:
        ModelNotStored: nothing is there any more.
    """
    import mlflow

    uri = own_uri(uri, folder)
    with stored(uri):
        text: str = mlflow.artifacts.load_text(uri)
    return text


@contextmanager
def stored(uri: str) -> Iterator[None]:
    """Turn what MLflow says of a missing artifact into what to do about it."""
    from mlflow.exceptions import MlflowException

    logging.getLogger("mlflow").setLevel(logging.WARNING)
    try:
        yield
    except (MlflowException, OSError) as error:
        msg = f"nothing is stored at {uri}: train again (sparkhouse train), or restore the MLflow folder"
        raise ModelNotStored(msg) from error
