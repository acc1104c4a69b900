"""The models' part of the job, step by step: train, compare, predict, look back, draw a campaign."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from cli.jobs.warehouse_job import Job
from cli.machine.home import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import date
    from pathlib import Path

    from pyspark.sql import Row

    from cli.runs.steps import Step
    from models_ml.campaigns.campaign import CampaignReport
    from models_ml.campaigns.effect import CampaignEffect
    from models_ml.campaigns.spec import CampaignSpec
    from models_ml.dataset.training_file import TrainingFile, TrainingFileSpec
    from models_ml.errors import ModelJobError
    from models_ml.experiments.backtest import BacktestDate
    from models_ml.experiments.imbalance_comparison import ComparedModel
    from models_ml.experiments.next_outcome.classes import OutcomeReport
    from models_ml.experiments.reproduction import Reproduction
    from models_ml.experiments.retrospective.protocol import RetrospectiveReport
    from models_ml.registry.training_report import TrainingReport
    from models_ml.registry.version_removal import Removal, StoredVersion
    from models_ml.scoring.prediction import PredictionReport
    from models_ml.spec.training_spec import TrainingSpec


Result = TypeVar("Result")


class ModelJob(Job):
    """The steps of the warehouse, and those of the model job on what it publishes."""

    def publish(self, run_id: str | None = None) -> None:
        """Let all readers see what this run, or another one, has written so far."""
        super().publish(run_id)
        self._follow_versions()

    def finish_publication(self) -> None:
        """Finish the publication of a run that was killed while it published; otherwise do nothing."""
        if self.publisher.journal.needs_finishing:
            super().finish_publication()
            self._follow_versions()

    def roll_back(self, run_id: str) -> None:
        """Return every table to the state before a run published."""
        super().roll_back(run_id)
        self._follow_versions()

    def _follow_versions(self) -> None:
        """Let MLflow's aliases follow the newest publication, if it was one of model versions."""
        from models_ml.registry.aliases import follow
        from models_ml.tables import MODEL_VERSIONS

        newest = self.publisher.journal.read()
        if newest and MODEL_VERSIONS in {move.table for move in newest.moves}:
            follow(self.spark, self.home.mlflow)

    def train(self, spec: TrainingSpec, promote: str = "auto") -> TrainingReport:
        """Fit and compare the models, keep the best as a version, and write its metric card."""
        with self.steps.step("train") as step:
            return self._trained(spec, promote, step)

    def train_if_possible(self, spec: TrainingSpec) -> TrainingReport | None:
        """The same; where the log carries no model yet, which is no failure, the step says why and None comes back."""
        from models_ml.errors import NoKnownSnapshot, OneClassOnly, TooFewSnapshots, TooFewUsers

        with self.steps.step("train") as step:
            try:
                return self._trained(spec, "auto", step)
            except (NoKnownSnapshot, OneClassOnly, TooFewSnapshots, TooFewUsers) as lack:
                step.skip(f"no new model: {lack}")
                return None

    def _trained(self, spec: TrainingSpec, promote: str, step: Step) -> TrainingReport:
        from models_ml.training.job import train

        report = train(self.spark, spec, self.home.mlflow, self.feature_names, promote)
        card = self.home.model_card(report)
        card.parent.mkdir(parents=True, exist_ok=True)
        card.write_text(report.card.to_html(), encoding="utf-8")
        step.rows_in, step.rows_out = report.card.train.rows + report.card.test.rows, len(report.folds)
        role = "champion" if report.promotion.promoted else "challenger"
        step.detail = f"{report.algorithm} of {len(report.folds)} algorithms is {role} {report.model_version}"
        return report

    def predict_if_possible(self, label: str) -> PredictionReport | None:
        """Score the newest snapshot; None where there is no model of the label, or no snapshot."""
        from models_ml.registry.model_versions import champion

        if not self.count("marts.fct_user_features") or champion(self.spark, label) is None:
            return None
        return self.predict(label)

    @property
    def feature_names(self) -> list[str]:
        """The columns of the feature table that may train."""
        from warehouse.contract.catalogue import features

        return [feature.name for feature in features()]

    def write_training_set(self, spec: TrainingFileSpec) -> TrainingFile:
        """Write a training set to a file."""
        from models_ml.dataset.training_file import write_training_file
        from models_ml.tables import FEATURES, LABELS
        from warehouse.publishing.reading import newest_snapshots

        with self.steps.step("write") as step:
            published = newest_snapshots(self.spark, self.publisher.journal, (FEATURES, LABELS))
            written = write_training_file(self.spark, spec, published)
            step.rows_in = step.rows_out = written.rows
            known = f", as built at {written.built_at.isoformat()}" if written.built_at else ""
            step.detail = (
                f"{written.rows:,} rows of {written.snapshots} snapshots, {written.features} features and {spec.label}"
                f"{known}, in {shown(spec.out)}"
            )
        return written

    def predict(self, label: str, as_of: date | None = None, model_version: str | None = None) -> PredictionReport:
        """Score a snapshot."""
        from models_ml.scoring.prediction import predict

        with self.steps.step("predict") as step:
            report = predict(self.spark, label, as_of, model_version, self.home.mlflow)
            step.rows_in = step.rows_out = report.users
            step.detail = f"{report.users:,} users as of {report.as_of} with {report.model_version}"
        return report

    def record_outcomes(self) -> None:
        """Set what was predicted beside what came of it, where that is known by now."""
        from models_ml.monitoring.prediction_outcomes import record_outcomes

        predictions = self.count("ml.churn_predictions")
        if predictions:
            with self.steps.step("outcomes") as step:
                step.rows_in = predictions
                step.rows_out = record_outcomes(self.spark)
                step.detail = f"{step.rows_out:,} predictions with a known outcome"

    def compare_imbalance(self, spec: TrainingSpec) -> list[ComparedModel]:
        """Train with each way to deal with imbalance."""
        from models_ml.experiments.imbalance_comparison import compare_imbalance

        with self.steps.step("train") as step:
            compared = compare_imbalance(self.spark, spec, self.feature_names, self.steps.run_id)
            step.rows_out = len(compared)
            step.detail = f"{len(compared)} models compared"
        return compared

    def backtest(self, spec: TrainingSpec, dates: int) -> list[BacktestDate]:
        """Train at past dates on what was known then, and score these."""
        from models_ml.experiments.backtest import backtest

        with self.steps.step("backtest") as step:
            walked = backtest(self.spark, spec, self.feature_names, dates)
            step.rows_out = sum(each.rows for each in walked)
            step.detail = f"{len(walked)} dates, {step.rows_out:,} predictions with their outcomes"
        return walked

    def retrospective(self) -> tuple[RetrospectiveReport, Row | None]:
        """Evaluate the notebooks' way; with the champion, whose numbers are honest."""
        from models_ml.experiments.retrospective.protocol import retrospective
        from models_ml.registry.model_versions import champion
        from warehouse.contract.labels import default_label

        with self.steps.step("evaluate") as step:
            report = retrospective(self.spark, self.feature_names)
            step.rows_out = len(report.rows)
            step.detail = "whole lives, split at random: for comparison only"
        return report, champion(self.spark, default_label())

    def compare_outcomes(self, seed: int) -> OutcomeReport:
        """Tell all outcomes apart at once, and one against the rest."""
        from models_ml.experiments.next_outcome.classes import compare_outcomes

        with self.steps.step("evaluate") as step:
            report = compare_outcomes(self.spark, self.feature_names, seed)
            step.rows_out = len(report.scores)
            step.detail = "next_outcome, all classes at once and one against the rest"
        return report

    def stored_models(self) -> list[StoredVersion]:
        """List all model versions, the newest first."""
        from models_ml.registry.version_removal import stored_versions

        return stored_versions(self.spark, self.home.mlflow)

    def remove_models(self, versions: Sequence[str], *, force: bool) -> Removal:
        """Take model versions out of the table; their files stay until that is published."""
        from models_ml.registry.version_removal import remove_versions

        with self.steps.step("remove") as step:
            removal = remove_versions(self.spark, self.home.mlflow, versions, force=force)
            step.rows_out = len(removal.removed)
            step.detail = ", ".join(f"{each.model_version} of {each.label}" for each in removal.removed)
        return removal

    def remove_stored_models(self, removal: Removal) -> None:
        """Take the runs, files and metric cards of removed versions away."""
        from models_ml.registry.version_removal import remove_stored

        with self.steps.step("free") as step:
            remove_stored(removal, self.home.mlflow)
            for each in removal.removed:
                self.home.model_card(each).unlink(missing_ok=True)
            step.rows_out = len(removal.removed)
            step.detail = f"{sum(each.size_bytes or 0 for each in removal.removed):,} bytes of models"

    def reproduce(self, model_version: str) -> Reproduction:
        """Train a version again on the tables as it saw them."""
        from models_ml.experiments.reproduction import reproduce

        with self.steps.step("train") as step:
            reproduction = reproduce(self.spark, model_version)
            step.rows_out = reproduction.metrics
            step.detail = f"{model_version} once more: {'equal' if reproduction.is_equal else 'not equal'}"
        return reproduction

    def campaign(self, spec: CampaignSpec, out: Path | None) -> CampaignReport:
        """Draw the list of a campaign; one that is published stands."""
        from models_ml.campaigns.campaign import campaign

        if out is None:
            self.home.campaigns.mkdir(parents=True, exist_ok=True)
        with self.steps.step("campaign") as step:
            report = campaign(self.spark, spec, out or self.home.campaigns)
            step.rows_out = report.offers + report.control
            drawn = f", as drawn on {report.drawn_at:%Y-%m-%d}" if report.stands else ""
            step.detail = f"{report.offers} offers and {report.control} held out{drawn}, in {shown(report.path)}"
        return report

    def campaign_effect(self, campaign_id: str | None) -> CampaignEffect:
        """Measure a campaign from outcomes."""
        from models_ml.campaigns.effect import campaign_effect

        with self.steps.step("effect") as step:
            effect = campaign_effect(self.spark, campaign_id)
            step.rows_out = effect.treatment.users + effect.control.users
            step.detail = f"{effect.treatment.users} with an offer, {effect.control.users} held out"
        return effect


def each_that_can(tasks: Iterable[Callable[[], Result]]) -> tuple[list[Result], list[ModelJobError]]:
    """Do one task after the other; what the tables do not carry stops none of the others, and is among the faults."""
    from models_ml.errors import ModelJobError

    done: list[Result] = []
    faults: list[ModelJobError] = []
    for task in tasks:
        try:
            done.append(task())
        except ModelJobError as fault:  # noqa: PERF203 - a training takes a minute
            faults.append(fault)
    return done, faults
