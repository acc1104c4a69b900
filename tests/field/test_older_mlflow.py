"""An MLflow store that an older MLflow wrote: upgraded before training, not found out of date after it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from models_ml.registry.tracking import DATABASE, StoreNotUpgraded, Tracking

if TYPE_CHECKING:
    from pathlib import Path

# The last revision before MLflow 3.5.
OLDER = "1a0cddfcaa16"


def older_store(folder: Path) -> Path:
    """A store with the schema of an older MLflow, made by MLflow's own migrations up to that one."""
    from alembic import command
    from mlflow.store.db.utils import _get_alembic_config, create_sqlalchemy_engine
    from mlflow.store.tracking.dbmodels.initial_models import Base

    folder.mkdir()
    uri = f"sqlite:///{folder / DATABASE}"
    engine = create_sqlalchemy_engine(uri)
    Base.metadata.create_all(engine)
    config = _get_alembic_config(uri)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, OLDER)
    engine.dispose()
    return folder / DATABASE


def revision(database: Path) -> str:
    with closing(sqlite3.connect(database)) as connection:
        return str(connection.execute("select version_num from alembic_version").fetchone()[0])


def test_a_store_of_an_older_mlflow_is_upgraded_and_kept_as_a_copy(tmp_path: Path) -> None:
    database = older_store(tmp_path / "mlflow")
    Tracking.open(database.parent)
    assert revision(database) != OLDER
    assert revision(database.with_name(f"{DATABASE}.{OLDER}")) == OLDER


def test_a_store_of_a_newer_mlflow_stops_before_training_and_stays_as_it_was(tmp_path: Path) -> None:
    Tracking.open(tmp_path)
    with closing(sqlite3.connect(tmp_path / DATABASE)) as connection, connection:
        connection.execute("update alembic_version set version_num = 'of_2030'")
    with pytest.raises(StoreNotUpgraded, match=r"has the schema of_2030 .*use the MLflow that wrote it"):
        Tracking.open(tmp_path)
    assert revision(tmp_path / DATABASE) == "of_2030"


def test_a_store_below_a_folder_with_signs_of_an_address_is_made_there_and_nowhere_else(tmp_path: Path) -> None:
    folder = tmp_path / "50%25 what?x=1" / "mlflow"
    folder.parent.mkdir()
    first = Tracking.open(folder)
    assert (folder / DATABASE).is_file()
    assert [path.name for path in tmp_path.iterdir()] == [folder.parent.name]
    assert Tracking.open(folder).experiment_id == first.experiment_id
