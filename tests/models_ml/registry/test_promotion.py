"""What a training publishes, and which version scores from then on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlparse

import numpy as np
import pytest
from planted import HORIZON, LABEL, LINEAR, MONDAYS, NAMES, plant_older_version
from sklearn.metrics import roc_auc_score

from models_ml.dataset.arrow import arrow_tables, columns_of
from models_ml.dataset.matrix import Matrix
from models_ml.dataset.training_set import training_set
from models_ml.dataset.vectors import KEYS
from models_ml.errors import UnknownModelVersion
from models_ml.evaluation.weighted_metrics import Scored
from models_ml.portable.model import PortableModel
from models_ml.registry.aliases import follow
from models_ml.registry.model_versions import champion, earlier_tries, find_model_version, retire_champions
from models_ml.registry.promotion import AUTO, FORCE, NEVER, Champion, Promotion, confidence_of, decide
from models_ml.registry.tracking import Tracking, load_text
from models_ml.spec.training_spec import TrainingSpec
from models_ml.training.job import train

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pyspark.sql import Row, SparkSession

    from models_ml.registry.training_report import TrainingReport

BOTH = (*LINEAR, "decision_tree")


@dataclass(frozen=True)
class Trained:
    """A training, and what stood then: the row written, the champion of the label, the aliases in the registry."""

    report: TrainingReport
    row: Row
    champion: str | None
    aliases: dict[str, str]

    @property
    def promotion(self) -> Promotion:
        return self.report.promotion

    @property
    def number(self) -> str:
        return self.report.published.registry_version


@dataclass(frozen=True)
class Job:
    spark: SparkSession
    mlflow_dir: Path

    def train(self, spec: TrainingSpec, names: list[str], promote: str = AUTO) -> Trained:
        report = train(self.spark, spec, self.mlflow_dir, names, promote)
        follow(self.spark, self.mlflow_dir)
        [row] = self.spark.table("ml.model_versions").where(f"model_version = '{report.model_version}'").collect()
        chosen = champion(self.spark, spec.label)
        registered = Tracking.open(self.mlflow_dir).client.get_registered_model(report.published.registered_model)
        aliases = {alias: str(number) for alias, number in registered.aliases.items()}
        return Trained(report, row, chosen.model_version if chosen else None, aliases)


@pytest.fixture(scope="module")
def job(planted_marts: SparkSession, mlflow_dir: Path) -> Job:
    return Job(planted_marts, mlflow_dir)


@pytest.fixture(scope="module")
def first(job: Job) -> Trained:
    return job.train(TrainingSpec(algorithms=BOTH), NAMES)


@pytest.fixture(scope="module")
def again(job: Job, first: Trained) -> Trained:
    assert first.promotion.promoted
    return job.train(first.report.spec, NAMES)


@pytest.fixture(scope="module")
def forced(job: Job, again: Trained) -> Trained:
    assert not again.promotion.promoted
    return job.train(TrainingSpec(algorithms=LINEAR), NAMES, FORCE)


# What is published


def test_the_run_and_the_registry_know_the_version(first: Trained, mlflow_dir: Path) -> None:
    client = Tracking.open(mlflow_dir).client
    published = first.report.published
    run = client.get_run(published.mlflow_run_id)
    assert run.info.status == "FINISHED"
    assert run.data.metrics["test_auc.decision_tree"] == first.report.metrics["test_auc.decision_tree"]
    assert run.data.params["logistic_regression.regParam"] in {"0.003", "0.3"}
    assert run.data.params["imbalance"] == "weights"
    version = client.get_model_version(f"sparkhouse-{LABEL}", published.registry_version)
    assert version.run_id == run.info.run_id
    assert run.info.artifact_uri.startswith((mlflow_dir / "artifacts").as_uri())
    assert not Path("mlruns").exists()


def test_the_version_is_a_row_with_metrics_and_the_snapshots_it_saw(job: Job, first: Trained) -> None:
    row, report = first.row, first.report
    assert (row.label, row.algorithm, row.is_chosen) == (LABEL, report.algorithm, True)
    assert (row.train_from, row.train_to, row.test_from, row.test_to) == (*MONDAYS[0:3:2], *MONDAYS[4:6])
    assert (row.train_rows, row.train_users, row.test_rows, row.horizon_days) == (450, 150, 300, HORIZON)
    assert row.metrics == report.metrics
    assert row.metrics["test_average_precision_low"] < row.metrics["test_average_precision"]
    assert row.metrics["test_average_precision"] == row.metrics[f"test_average_precision.{report.algorithm}"]
    assert row.metrics["test_auc.no_skill"] == 0.5
    assert TrainingSpec.from_json(row.spec) == report.spec
    assert row.candidate_names == NAMES
    assert set(row.table_snapshot_ids) == {"marts.fct_user_features", "marts.fct_churn_labels"}
    for table, snapshot in row.table_snapshot_ids.items():
        seen = job.spark.sql(f"select * from {table} version as of {snapshot}")
        assert seen.count() == job.spark.table(table).count()


def test_the_card_is_stored_beside_the_model(first: Trained, mlflow_dir: Path) -> None:
    folder = first.report.published.portable_uri.rpartition("/")[0]
    card = json.loads(load_text(f"{folder}/metric_card.json", mlflow_dir))
    assert card["model_version"] == first.report.model_version
    assert list(card["models"]) == [*first.report.folds, "best_single_feature", "no_skill"]
    assert first.report.model_version in load_text(f"{folder}/metric_card.html", mlflow_dir)
    assert "signal" in json.loads(load_text(f"{folder}/training_profile.json", mlflow_dir))["features"]


def test_the_stored_json_gives_the_metrics_of_the_fitted_model(job: Job, again: Trained, mlflow_dir: Path) -> None:
    features, labels = job.spark.table("marts.fct_user_features"), job.spark.table("marts.fct_churn_labels")
    dataset = training_set(features, labels, again.report.spec, NAMES)
    dataset.rows.unpersist()
    model = PortableModel.from_json(load_text(again.report.published.portable_uri, mlflow_dir))
    test = dataset.rows.where("fold = 3").select("label", *KEYS, *model.encoder.inputs).coalesce(1)
    [table] = arrow_tables(test)
    scores = model.score(columns_of(table))
    auc = roc_auc_score(table["label"].to_numpy(), scores)
    assert auc == pytest.approx(again.report.metrics["test_auc"], abs=1e-12)
    assert (model.threshold, model.label, model.horizon_days) == (again.row.threshold, LABEL, HORIZON)


# Champion and challenger


def test_the_first_version_of_a_label_is_its_champion(first: Trained) -> None:
    assert first.promotion == Promotion(promoted=True, reason="first version of its label")
    assert first.champion == first.report.model_version
    assert first.aliases["champion"] == first.number
    assert "challenger" not in first.aliases


def test_the_same_again_is_a_challenger_and_says_why(first: Trained, again: Trained) -> None:
    assert again.promotion.reason == (
        "does not beat the champion beyond chance: average precision +0.0000 [+0.0000, +0.0000] "
        f"against {first.report.model_version} on 300 test rows"
    )
    assert (again.row.is_chosen, again.row.promotion_reason) == (False, again.promotion.reason)
    assert again.report.metrics == first.report.metrics
    assert again.champion == first.report.model_version
    assert again.aliases == {"champion": first.number, "challenger": again.number}


def test_a_forced_champion_takes_the_place_of_both(job: Job, first: Trained, again: Trained, forced: Trained) -> None:
    assert forced.promotion.promoted
    assert forced.promotion.reason.startswith("by --promote force; average precision ")
    assert again.champion is not None
    assert f"against {again.champion} on 300 test rows; try 2 on these" in forced.promotion.reason
    assert [each.row.tries for each in (first, again, forced)] == [0, 1, 2]
    assert forced.champion == forced.report.model_version == find_model_version(job.spark, LABEL, None).model_version
    assert forced.aliases == {"champion": forced.number}


def test_a_champion_still_scores_on_a_column_that_may_no_longer_train(job: Job, forced: Trained) -> None:
    narrower = job.train(TrainingSpec(algorithms=LINEAR), [name for name in NAMES if name != "noise_1"])
    assert f"against {forced.report.model_version} on 300 test rows; try 3 on these" in narrower.promotion.reason
    assert earlier_tries(job.spark, LABEL, MONDAYS[5:7]) == 3
    assert earlier_tries(job.spark, LABEL, MONDAYS[6:8]) == 0


def test_a_champion_whose_columns_or_files_are_gone_is_replaced(job: Job, forced: Trained) -> None:
    job.spark.sql("alter table marts.fct_user_features rename column noise_1 to noise_gone")
    without_column = job.train(TrainingSpec(algorithms=LINEAR), [name for name in NAMES if name != "noise_1"])
    job.spark.sql("alter table marts.fct_user_features rename column noise_gone to noise_1")
    assert without_column.promotion.promoted
    assert "cannot score any more" in without_column.promotion.reason
    assert forced.report.model_version in without_column.promotion.reason
    assert "`noise_1`" in without_column.promotion.reason
    stored = Path(urlparse(without_column.report.published.portable_uri).path)
    stored.unlink()
    without_file = job.train(TrainingSpec(algorithms=LINEAR), NAMES)
    assert without_file.promotion == Promotion(
        promoted=True,
        reason=f"the champion {without_column.report.model_version} cannot score any more: nothing is stored at "
        f"{without_column.report.published.portable_uri}: train again (sparkhouse train), or restore the MLflow folder",
    )
    assert without_file.champion == without_file.report.model_version


def test_a_version_that_was_never_to_be_promoted_leaves_the_label_without_champion(job: Job) -> None:
    trained = job.train(TrainingSpec(label="will_lapse", algorithms=LINEAR), NAMES, NEVER)
    assert (trained.promotion.promoted, trained.champion) == (False, None)
    assert trained.aliases == {"challenger": trained.number}
    with pytest.raises(UnknownModelVersion, match=f"has no champion: name one of {trained.report.model_version}"):
        find_model_version(job.spark, "will_lapse", None)
    named = find_model_version(job.spark, "will_lapse", trained.report.model_version)
    assert named.model_version == trained.report.model_version


def test_a_champion_of_before_models_were_stored_as_json_is_replaced(job: Job) -> None:
    plant_older_version(job.spark, "will_downgrade")
    trained = job.train(TrainingSpec(label="will_downgrade", algorithms=LINEAR), NAMES)
    assert trained.promotion.promoted
    assert trained.promotion.reason.startswith("the champion v1-older cannot score any more: nothing is stored")


def test_of_another_log_no_champion_is_left(job: Job, first: Trained) -> None:
    retire_champions(job.spark)
    assert champion(job.spark, LABEL) is None
    with pytest.raises(UnknownModelVersion, match="has no champion"):
        find_model_version(job.spark, LABEL, None)
    assert find_model_version(job.spark, LABEL, first.report.model_version).is_chosen is False


# The decision


def rows_with_a_signal() -> tuple[Matrix, NDArray[np.float64]]:
    """Two rows of each of 300 users, and a score that tells the outcome well."""
    random = np.random.default_rng(4)
    signal = random.normal(size=600)
    labels = (random.random(600) < 1 / (1 + np.exp(1.5 - 2 * signal))).astype(float)
    users = np.repeat(np.arange(300).astype(str), 2)
    return Matrix(users, labels, np.full(600, 3), signal.reshape(-1, 1)), signal


def said(signal: NDArray[np.float64], noise: float) -> Scored:
    """A model that sees the signal through so much noise of its own."""
    seen = signal + noise * np.random.default_rng(int(100 * noise)).normal(size=len(signal))
    return Scored(1 / (1 + np.exp(-seen)), 0.5, seen)


@pytest.mark.parametrize(
    ("champion_noise", "challenger_noise", "policy", "promoted", "reason"),
    [
        (3.0, 0.1, AUTO, True, "beats the champion by more than chance: average precision +"),
        (0.35, 0.3, AUTO, False, "does not beat the champion beyond chance: average precision +"),
        (0.1, 3.0, AUTO, False, "does not beat the champion beyond chance: average precision -"),
        (0.1, 3.0, FORCE, True, "by --promote force; average precision -"),
        (3.0, 0.1, NEVER, False, "by --promote never; average precision +"),
    ],
)
def test_a_challenger_is_promoted_that_is_better_beyond_chance_or_by_policy(
    champion_noise: float, challenger_noise: float, policy: str, *, promoted: bool, reason: str
) -> None:
    test, signal = rows_with_a_signal()
    of_champion = Champion("v1-then", said(signal, champion_noise))
    decided = decide(said(signal, challenger_noise), of_champion, test, policy)
    assert decided.promoted == promoted
    assert decided.reason.startswith(reason)
    assert decided.reason.endswith("against v1-then on 600 test rows")
    assert decided.tries == 1


def test_the_oftener_the_same_rows_are_tried_the_surer_it_has_to_be() -> None:
    test, signal = rows_with_a_signal()
    tried = [
        decide(said(signal, 0.9), Champion("v1-then", said(signal, 1.9), earlier_tries=before), test, AUTO)
        for before in (0, 2, 200)
    ]
    assert [(each.promoted, each.tries) for each in tried] == [(True, 1), (True, 3), (False, 201)]
    assert tried[1].reason.endswith("on 600 test rows; try 3 on these test rows: needs 99.2 %")
    assert tried[2].reason.startswith("does not beat the champion beyond chance")


def test_all_tries_together_owe_no_more_to_chance_than_one_in_twenty() -> None:
    assert confidence_of(1) == pytest.approx(0.95)
    assert confidence_of(2) == pytest.approx(0.98333, abs=1e-5)
    # Each is one-sided: half of what the interval leaves.
    assert sum((1 - confidence_of(tries)) / 2 for tries in range(1, 10_000)) == pytest.approx(0.05, abs=1e-4)


@pytest.mark.parametrize(("policy", "promoted"), [(AUTO, True), (FORCE, True), (NEVER, False)])
def test_where_nobody_can_be_beaten_the_policy_decides(policy: str, *, promoted: bool) -> None:
    test, signal = rows_with_a_signal()
    challenger = said(signal, 1.0)
    first = decide(challenger, None, test, policy)
    assert first == Promotion(promoted, "first version of its label")
    unable = decide(challenger, Champion("v1-then", None, "its file is gone"), test, policy)
    assert unable == Promotion(promoted, "the champion v1-then cannot score any more: its file is gone")
