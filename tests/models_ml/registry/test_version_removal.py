"""The shelf of model versions: what is listed, what may be removed, and what is left of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest

from models_ml import tables
from models_ml.errors import UnknownModelVersion
from models_ml.registry.aliases import follow
from models_ml.registry.model_versions import champion
from models_ml.registry.tracking import Tracking
from models_ml.registry.version_removal import ChampionInUse, remove_stored, remove_versions, stored_versions
from warehouse.contract.tables import create_or_widen
from warehouse.publishing.branch import on_branch
from warehouse.publishing.journal import Journal, JournalFile
from warehouse.publishing.publication import Publisher

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pyspark.sql import SparkSession

LABEL, OTHER = "churned_in_time_bin", "will_lapse"


@dataclass(frozen=True)
class Shelf:
    """Two former champions and the challenger between them of one label, and the champion of another."""

    spark: SparkSession
    mlflow_dir: Path
    names: dict[str, str]

    def runs(self) -> set[str]:
        return {path.name[:8] for path in (self.mlflow_dir / "artifacts").iterdir()}

    def aliases(self, label: str) -> dict[str, str]:
        registered = Tracking.open(self.mlflow_dir).client.get_registered_model(f"sparkhouse-{label}")
        return {alias: str(number) for alias, number in registered.aliases.items()}

    def number(self, name: str) -> str:
        return self.names[name].partition("-")[0].removeprefix("v")

    def versions(self, label: str = LABEL) -> list[str]:
        client = Tracking.open(self.mlflow_dir).client
        found = client.search_model_versions(f"name = 'sparkhouse-{label}'")
        return sorted(f"v{each.version}-{each.run_id or ''}"[:-24] for each in found)


@pytest.fixture
def shelf(empty_warehouse: SparkSession, mlflow_dir: Path) -> Iterator[Shelf]:
    spark, tracking = empty_warehouse, Tracking.open(mlflow_dir)
    names: dict[str, str] = {}
    create_or_widen(spark, tables.PREDICTIONS, tables.MODEL_VERSIONS)
    schema = spark.table(tables.MODEL_VERSIONS).schema
    rows = []
    for day, (name, label, is_chosen) in enumerate(
        [("first", LABEL, True), ("challenger", LABEL, False), ("second", LABEL, True), ("other", OTHER, True)], 1
    ):
        run = tracking.client.create_run(tracking.experiment_id).info
        published = tracking._register(f"sparkhouse-{label}", run)  # noqa: SLF001 - publishing it needs a fitted pipeline
        tracking.attach(published, {"model.json": "x" * 100})
        names[name] = published.model_version
        known: dict[str, Any] = {**vars(published), "model_version": published.model_version, "label": label}
        known |= {"algorithm": "linear_svm", "is_chosen": is_chosen}
        known |= {"trained_at": datetime(2026, 10, 25, day, 30, tzinfo=timezone.utc)}
        known |= {"metrics": {"test_auc": 0.7, "test_average_precision": 0.2}}
        rows.append(tuple(known.get(column) for column in schema.names))
    spark.createDataFrame(rows, schema).writeTo(tables.MODEL_VERSIONS).append()
    yield Shelf(spark, mlflow_dir, names)
    for table in (tables.MODEL_VERSIONS, tables.PREDICTIONS):
        spark.sql(f"drop table if exists {table} purge")


def test_the_list_tells_of_each_version_what_it_is_and_how_large(shelf: Shelf) -> None:
    listed = stored_versions(shelf.spark, shelf.mlflow_dir)
    assert [each.model_version for each in listed] == [
        shelf.names[name] for name in ("other", "second", "challenger", "first")
    ]
    assert [each.is_champion for each in listed] == [True, True, False, False]
    assert {(each.test_auc, each.test_average_precision, each.size_bytes) for each in listed} == {(0.7, 0.2, 100)}
    assert listed[-1].trained_at == datetime(2026, 10, 25, 1, 30, tzinfo=timezone.utc)


def test_a_version_goes_with_its_row_run_and_files_and_no_other_does(shelf: Shelf) -> None:
    schema = shelf.spark.table(tables.PREDICTIONS).schema
    prediction: dict[str, Any] = dict.fromkeys(schema.names) | {
        "user_id": "1",
        "label": LABEL,
        "as_of_date": date(2018, 11, 5),
    }
    prediction |= {"model_version": shelf.names["challenger"], "churn_probability": 0.5, "risk_decile": 1}
    prediction |= {"predicted_churn": True, "scored_at": datetime(2018, 11, 6, tzinfo=timezone.utc)}
    rows = shelf.spark.createDataFrame([tuple(prediction[name] for name in schema.names)], schema)
    rows.writeTo(tables.PREDICTIONS).append()
    run = shelf.names["challenger"].partition("-")[2]
    assert run in shelf.runs()
    removal = remove_versions(shelf.spark, shelf.mlflow_dir, [shelf.names["challenger"]], force=False)
    assert run in shelf.runs(), "until the row's removal is published, the files stay"
    remove_stored(removal, shelf.mlflow_dir)
    assert run not in shelf.runs()
    assert shelf.names["challenger"] not in shelf.versions()
    assert {shelf.names["first"], shelf.names["second"]} <= set(shelf.versions())
    left = {each.model_version for each in stored_versions(shelf.spark, shelf.mlflow_dir)}
    assert left == {shelf.names[name] for name in ("first", "second", "other")}
    assert removal.notes == (f"1 rows of ml.churn_predictions name {shelf.names['challenger']}: they stay",)
    assert shelf.spark.table(tables.PREDICTIONS).count() == 1
    remove_stored(removal, shelf.mlflow_dir)  # what is gone already is no fault


def test_a_champion_stays_unless_it_is_forced_and_then_the_one_before_it_is_champion_again(shelf: Shelf) -> None:
    second = shelf.names["second"]
    with pytest.raises(ChampionInUse, match=f"{second} is the champion of {LABEL}: train .* --force"):
        remove_versions(shelf.spark, shelf.mlflow_dir, [shelf.names["first"], second], force=False)
    assert len(stored_versions(shelf.spark, shelf.mlflow_dir)) == 4
    removal = remove_versions(shelf.spark, shelf.mlflow_dir, [second, shelf.names["other"]], force=True)
    remove_stored(removal, shelf.mlflow_dir)
    now = champion(shelf.spark, LABEL)
    assert now is not None
    assert now.model_version == shelf.names["first"]
    assert removal.notes == (
        f"{shelf.names['first']} is champion of {LABEL} again",
        f"{OTHER} has no champion any more: run sparkhouse train --label {OTHER} before the next prediction",
    )
    follow(shelf.spark, shelf.mlflow_dir)
    assert shelf.aliases(LABEL) == {"champion": now.registry_version, "challenger": shelf.number("challenger")}
    assert shelf.aliases(OTHER) == {}


def test_aliases_follow_what_is_published_and_what_is_rolled_back(shelf: Shelf, tmp_path: Path) -> None:
    publisher = Publisher(shelf.spark, Journal(JournalFile(tmp_path / "publication.json")))
    follow(shelf.spark, shelf.mlflow_dir)
    before = [shelf.aliases(label) for label in (LABEL, OTHER)]
    assert before == [{"champion": shelf.number("second")}, {"champion": shelf.number("other")}]
    with on_branch(shelf.spark, "removal"):
        lost = [shelf.names["second"], shelf.names["other"]]
        removal = remove_versions(shelf.spark, shelf.mlflow_dir, lost, force=True)
    publisher.publish("removal")
    follow(shelf.spark, shelf.mlflow_dir)
    challenged = {"champion": shelf.number("first"), "challenger": shelf.number("challenger")}
    assert [shelf.aliases(label) for label in (LABEL, OTHER)] == [challenged, {}]
    publisher.roll_back("removal", "rollback")
    follow(shelf.spark, shelf.mlflow_dir)
    assert [shelf.aliases(label) for label in (LABEL, OTHER)] == before
    remove_stored(removal, shelf.mlflow_dir)
    follow(shelf.spark, shelf.mlflow_dir)
    assert shelf.aliases(LABEL) == {}, "its row is champion, and its files are gone for good"


def test_on_a_server_that_others_share_their_models_keep_their_aliases(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow(shelf.spark, shelf.mlflow_dir)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{shelf.mlflow_dir / 'mlflow.db'}")
    shelf.spark.sql(f"delete from {tables.MODEL_VERSIONS} where label = '{OTHER}'")
    follow(shelf.spark, shelf.mlflow_dir)
    assert shelf.aliases(OTHER) == {"champion": shelf.number("other")}


def test_an_unknown_version_removes_nothing(shelf: Shelf) -> None:
    with pytest.raises(UnknownModelVersion, match="no model version v99-nowhere: there are v"):
        remove_versions(shelf.spark, shelf.mlflow_dir, [shelf.names["challenger"], "v99-nowhere"], force=True)
    assert len(stored_versions(shelf.spark, shelf.mlflow_dir)) == 4


def test_nothing_outside_the_mlflow_folder_is_removed(shelf: Shelf, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    row = shelf.names["challenger"]
    for run_id in (str(tmp_path / "precious"), "../../precious", ""):
        shelf.spark.sql(f"update {tables.MODEL_VERSIONS} set mlflow_run_id = '{run_id}' where model_version = '{row}'")
        [stored] = [each for each in stored_versions(shelf.spark, shelf.mlflow_dir) if each.model_version == row]
        assert stored.size_bytes is None
    remove_stored(remove_versions(shelf.spark, shelf.mlflow_dir, [row], force=False), shelf.mlflow_dir)
    assert (tmp_path / "precious").is_dir()
    assert row.partition("-")[2] in shelf.runs()
