"""The step that writes what the web app reads: one published state, in one file, without Spark to be read with."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from cli.jobs import publishing
from cli.jobs.checks import CheckFailed
from cli.jobs.published_state import answered
from cli.machine.home import shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pandas as pd

    from cli.jobs.workspace import Workspace
    from models_ml.portable.model import PortableModel
    from models_ml.serving.contents import Publication

KNOWN_ROWS = "select count({label}) as known_rows from marts.fct_churn_labels"
ARROW = "spark.sql.execution.arrow.pyspark.enabled"


@contextmanager
def followed(workspace: Workspace) -> Iterator[None]:
    """Bring the web app's file up to date with what a block has published, also where the gate stops it later."""
    try:
        yield
    except CheckFailed:
        export(workspace)
        raise
    export(workspace)


def export(workspace: Workspace) -> Path | None:
    """Write the newest published state, unless that was done or there is none; return the file.

    Raises OSError, sqlite3.OperationalError where it cannot be written: the web app goes on with the state before.
    """
    from models_ml.serving.store import NothingPublished, Stores

    newest = publishing.publisher(workspace).journal.read()
    if newest is None or newest.finished_at is None:
        return None
    from warehouse.publishing.journal import moment

    published_at = f"{moment(newest.finished_at):%Y-%m-%dT%H:%M:%S.%fZ}"
    try:
        if Stores(workspace.home.serving).newest().publication.published_at == published_at:
            return None
    except (NothingPublished, OSError):
        pass
    return _export(workspace, newest.run_id, published_at)


def _export(workspace: Workspace, run_id: str, published_at: str) -> Path:
    from models_ml.serving.contents import tables_of
    from models_ml.serving.store_file import write_store
    from warehouse.contract.labels import default_label

    label = default_label()
    with workspace.steps.step("export") as step:
        tables = _tables(workspace, label)
        publication = _publication(workspace, run_id, published_at, label)
        if (snapshots := tables["snapshots"]) is not None:
            tables |= tables_of(snapshots, _model(publication))
        step.rows_in = step.rows_out = sum(len(rows) for rows in tables.values() if rows is not None)
        path = write_store(workspace.home.serving, publication, tables)
        step.detail = f"{step.rows_out:,} rows for the web app, in {shown(path)}"
    return path


def _tables(workspace: Workspace, label: str) -> dict[str, pd.DataFrame | None]:
    """The rows of all tables of the file, by Arrow: value by value, those of the snapshots would take minutes."""
    from models_ml.serving.contents import TABLES, statement, without_rows
    from models_ml.tables import PREDICTIONS

    known = answered(workspace, {"known": KNOWN_ROWS.replace("{label}", label)})["known"]
    known_rows = 0 if known is None else int(known.known_rows.iloc[0])
    with _by_arrow(workspace):
        tables = answered(workspace, {name: statement(name, label, known_rows) for name in TABLES})
        if tables["predictions"] is None:
            # Before the first prediction there is no table of them; the customers are there all the same.
            tables |= answered(workspace, {"customers": without_rows(statement("customers", label), PREDICTIONS)})
    return tables


@contextmanager
def _by_arrow(workspace: Workspace) -> Iterator[None]:
    settings = workspace.spark.conf
    before = settings.get(ARROW) or "false"
    settings.set(ARROW, "true")
    try:
        yield
    finally:
        settings.set(ARROW, before)


def _publication(workspace: Workspace, run_id: str, published_at: str, label: str) -> Publication:
    """What is published, with the champion of the label as one JSON, where there is one."""
    from models_ml.errors import ModelNotStored
    from models_ml.registry.model_versions import champion
    from models_ml.registry.tracking import load_text
    from models_ml.serving.contents import Publication

    written_at = f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%S.%fZ}"
    row, model = champion(workspace.spark, label), None
    if row is None:
        return Publication(run_id, published_at, written_at, label, None, None, None)
    try:
        model = load_text(row.portable_uri, workspace.home.mlflow)
    except ModelNotStored as missing:
        workspace.steps.tell(f"Warning: the web app scores nobody: {missing}")
    return Publication(run_id, published_at, written_at, label, row.horizon_days, row.model_version, model)


def _model(publication: Publication) -> PortableModel | None:
    from models_ml.portable.model import PortableModel

    return PortableModel.from_json(publication.model) if publication.model else None
