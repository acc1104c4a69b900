"""The search: all points of all grids, judged on the folds alone; what comes out scores alike in MLlib and without."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
import yaml
from planted import HAZARD_NAMES, LABEL, LINEAR, NAMES, USERS
from pyspark.ml.classification import LogisticRegressionModel
from pyspark.ml.functions import vector_to_array
from pyspark.sql import functions as F
from sklearn.metrics import average_precision_score

from models_ml.dataset.arrow import arrow_tables, columns_of
from models_ml.dataset.training_set import training_set
from models_ml.dataset.vectors import ALL, KEYS, assembly, input_column
from models_ml.experiments.imbalance_comparison import COMPARISONS, compare_imbalance
from models_ml.portable.model import PortableModel
from models_ml.registry.tracking import Tracking, load_model
from models_ml.spec.grids import GRIDS, algorithms
from models_ml.spec.training_spec import METHODS, UNDER, WEIGHTS, TrainingSpec
from models_ml.training.classifiers import fit
from models_ml.training.resampling import resampled, weighted
from models_ml.training.trained_models import trained_models

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray
    from pyspark.ml import PipelineModel
    from pyspark.sql import DataFrame, SparkSession

    from models_ml.dataset.training_set import TrainingSet
    from models_ml.spec.grids import Algorithm, Point
    from models_ml.training.trained_models import TrainedModels

FITS = {
    "logistic_regression": 2,
    "random_forest": 2,
    "gradient_boosted_trees": 1,
    "linear_svm": 1,
    "multilayer_perceptron": 1,
    "decision_tree": 1,
}
# Of all six algorithms, with all that one training does.
MOST_JOBS = 400
SHARES = {"random_forest", "decision_tree"}
RESAMPLED = [method for method in METHODS if method not in {"none", "weights"}]


@pytest.fixture(scope="module")
def dataset(planted_marts: SparkSession) -> Iterator[TrainingSet]:
    features, labels = planted_marts.table("marts.fct_user_features"), planted_marts.table("marts.fct_churn_labels")
    built = training_set(features, labels, TrainingSpec(), [*NAMES, *HAZARD_NAMES])
    yield built
    built.rows.unpersist()


@pytest.fixture(scope="module")
def models(dataset: TrainingSet) -> TrainedModels:
    """All six algorithms on the planted signal."""
    return trained_models(dataset, TrainingSpec())


@pytest.fixture
def fitted_on(monkeypatch: pytest.MonkeyPatch) -> list[DataFrame]:
    """The rows of each fit that Spark makes from now on."""
    frames: list[DataFrame] = []

    def noted(algorithm: Algorithm, point: Point, rows: DataFrame, width: int, spec: TrainingSpec) -> PipelineModel:
        frames.append(rows)
        return fit(algorithm, point, rows, width, spec)

    monkeypatch.setattr("models_ml.training.search.fit", noted)
    return frames


# The grids


@pytest.mark.parametrize("name", FITS)
def test_every_point_of_the_grids_is_reached_by_one_fit(name: str) -> None:
    listed = yaml.safe_load(GRIDS.read_text(encoding="utf-8"))[name]
    cuts = listed.get("cuts", {})
    wanted = [
        dict(zip([*grid, *cuts], point, strict=True))
        for grid in listed["grids"]
        for point in product(*grid.values(), *cuts.values())
    ]
    fits = algorithms()[name].fits
    reached = [{"features": point.features, **dict(point.parameters)} for held in fits.values() for point in held]
    assert sorted(reached, key=str) == sorted((dict(sorted(point.items())) for point in wanted), key=str)
    assert len(fits) == FITS[name] == sum(prod(map(len, grid.values())) for grid in listed["grids"])


def test_cuts_come_from_the_largest_fit() -> None:
    for algorithm in algorithms().values():
        for largest, held in algorithm.fits.items():
            assert largest in held
            for name, sizes in algorithm.cuts.items():
                assert dict(largest.parameters)[name] == max(sizes)


def test_mllib_makes_one_fit_per_fold_and_one_of_the_best(dataset: TrainingSet, fitted_on: list[DataFrame]) -> None:
    spec = TrainingSpec(algorithms=("decision_tree",))
    found = trained_models(dataset, spec).best.chosen
    assert len(fitted_on) == spec.folds * FITS["decision_tree"] + 1
    assert dict(found.point.parameters)["maxDepth"] in algorithms()["decision_tree"].cuts["maxDepth"]


def test_of_logistic_regression_mllib_makes_one_fit(dataset: TrainingSet, fitted_on: list[DataFrame]) -> None:
    (fitted,) = trained_models(dataset, TrainingSpec(algorithms=LINEAR)).fitted
    assert len(fitted_on) == 1
    assert isinstance(fitted.model.stages[-1], LogisticRegressionModel)


def test_a_training_takes_few_jobs(dataset: TrainingSet) -> None:
    """Spark takes some 30 ms for each, however few the rows."""
    before = jobs_so_far(dataset)
    trained_models(dataset, TrainingSpec())
    assert jobs_so_far(dataset) - before <= MOST_JOBS


def jobs_so_far(dataset: TrainingSet) -> int:
    context: Any = dataset.rows.sparkSession.sparkContext
    return int(context._jsc.sc().dagScheduler().numTotalJobs())  # noqa: SLF001 - the scheduler's own count


def test_the_best_cut_is_the_best_of_fits_of_its_size(dataset: TrainingSet, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "gradient_boosted_trees"
    boosted = replace(algorithms()[name], grids=({"features": [ALL]},))
    precisions = []
    for sizes in ([1, 2, 4], [1], [2], [4]):
        cut = {name: replace(boosted, cuts={"maxIter": sizes})}
        monkeypatch.setattr("models_ml.training.search.algorithms", lambda cut=cut: cut)
        precisions.append(trained_models(dataset, TrainingSpec(algorithms=(name,))).folds[name])
    best, *by_size = precisions
    assert len(set(by_size)) == len(by_size)
    assert best == pytest.approx(max(by_size), abs=1e-12)


# The choice


def test_every_algorithm_finds_the_planted_signal(models: TrainedModels) -> None:
    aucs = {name: evaluation.metrics["auc"].value for name, evaluation in models.evaluations.items()}
    assert list(aucs) == [*models.folds, "best_single_feature", "no_skill"]
    assert set(models.folds) == set(FITS)
    assert aucs.pop("no_skill") == 0.5
    assert min(aucs.values()) > 0.65
    brier = {name: evaluation.metrics["brier"].value for name, evaluation in models.evaluations.items()}
    assert all(brier[name] < brier["no_skill"] for name in FITS)


def test_no_skill_says_the_base_rate_of_the_training_rows_to_all(models: TrainedModels) -> None:
    said = models.evaluations["no_skill"].scored.probabilities
    assert len(set(said)) == 1
    assert said[0] == pytest.approx(models.train.labels.mean(), abs=0.005)


def test_the_best_single_feature_is_the_planted_one(models: TrainedModels) -> None:
    """`signal` is NULL on a tenth of the rows, days_since_last_event tells as much on all of them."""
    single = models.evaluations["best_single_feature"]
    place = list(models.dataset.encoder.elements).index("days_since_last_event")
    np.testing.assert_array_equal(single.scores, models.test.elements[:, place])


def test_the_algorithms_are_in_the_order_of_their_mean_average_precision_on_the_folds(models: TrainedModels) -> None:
    assert list(models.folds.values()) == sorted(models.folds.values(), reverse=True)
    assert models.algorithm == next(iter(models.folds))
    train = models.train
    folds = [train.folds == fold for fold in range(models.spec.folds)]
    for each in models.fitted:
        held_out = each.chosen.held_out
        precisions = [average_precision_score(train.labels[fold], held_out[fold]) for fold in folds]
        assert each.chosen.average_precision == pytest.approx(np.mean(precisions), abs=1e-12)


def test_test_rows_have_no_part_in_the_choice(dataset: TrainingSet) -> None:
    spec = TrainingSpec(algorithms=("logistic_regression", "decision_tree"))
    is_test = F.col("fold") == spec.folds
    turned = dataset.rows.withColumn("label", F.when(is_test, 1 - F.col("label")).otherwise(F.col("label")))
    honest, other = trained_models(dataset, spec), trained_models(replace(dataset, rows=turned), spec)
    assert (other.test.labels == 1 - honest.test.labels).all()
    assert other.folds == honest.folds
    assert other.parameters == honest.parameters
    assert other.portable.to_json() == honest.portable.to_json()
    auc = honest.evaluation.metrics["auc"].value
    assert other.evaluation.metrics["auc"].value == pytest.approx(1 - auc)


def test_a_point_sees_the_elements_of_its_feature_set(models: TrainedModels) -> None:
    of_network = replace(models, fitted=tuple(each for each in models.fitted if each.chosen.point.features == "hazard"))
    assert of_network.portable.element_names[:2] == ("days_since_last_event", "sessions_per_day")
    assert len(of_network.portable.element_names) < len(models.dataset.encoder.elements)
    assert set(algorithms()["multilayer_perceptron"].grids[0]["features"]) == {"hazard"}


# One model, scored by MLlib and without Spark


def margins(name: str, transformed: DataFrame) -> NDArray[np.float64]:
    """The score in the order of the keys: MLlib's margin or, of a forest or a tree, its probability."""
    column = "probability" if name in SHARES else "rawPrediction"
    rows = transformed.orderBy(*KEYS).select(vector_to_array(F.col(column)).alias("of_class")).collect()
    pair = np.array([row.of_class for row in rows])
    scores: NDArray[np.float64] = pair[:, 1] - pair[:, 0] if name == "multilayer_perceptron" else pair[:, 1]
    return scores


def assert_same_probabilities(models: TrainedModels, mlflow_dir: Path) -> None:
    """The stored pipeline on the feature table, and what one JSON holds, on every row of the training set."""
    published = Tracking.open(mlflow_dir).publish(f"stored-{models.algorithm}", models.pipeline, {}, {})
    rows = models.dataset.rows.drop("label", "fold").repartition(2)
    by_mllib = margins(models.algorithm, load_model(published.model_uri, mlflow_dir).transform(rows))
    portable = PortableModel.from_json(models.portable.to_json())
    read = rows.select(*KEYS, *portable.encoder.inputs)
    table = pa.concat_tables(arrow_tables(read)).sort_by([(key, "ascending") for key in KEYS])
    without_spark = portable.score(columns_of(table))
    assert len(without_spark) == len(models.train) + len(models.test) == 5 * USERS
    assert len(set(without_spark)) > 1
    np.testing.assert_allclose(
        portable.probability(without_spark),
        models.evaluation.calibration.probability(by_mllib),
        rtol=0,
        atol=1e-6,
    )


@pytest.mark.parametrize("name", FITS)
def test_the_stored_pipeline_and_the_json_give_the_same_probability(
    models: TrainedModels, mlflow_dir: Path, name: str
) -> None:
    best = tuple(each for each in models.fitted if each.chosen.algorithm.name == name)
    assert_same_probabilities(replace(models, fitted=best), mlflow_dir)


@pytest.mark.parametrize("name", ["logistic_regression", "decision_tree"])
def test_so_they_do_on_principal_components(dataset: TrainingSet, mlflow_dir: Path, name: str) -> None:
    on_components = trained_models(dataset, TrainingSpec(algorithms=(name,), components=3))
    classifier: Any = on_components.best.model.stages[-1]
    assert classifier.numFeatures == 3
    assert on_components.parameters["components"] == "3"
    assert_same_probabilities(on_components, mlflow_dir)


# Imbalance


@pytest.fixture(scope="module")
def assembled(dataset: TrainingSet) -> tuple[DataFrame, NDArray[np.float64], NDArray[np.float64]]:
    """The training rows with their vectors, and the elements and labels of the same."""
    rows = assembly(dataset.encoder).transform(dataset.rows.where("fold < 3")).orderBy(*KEYS)
    collected = rows.select("label", vector_to_array(F.col(input_column(ALL))).alias("elements")).collect()
    return rows, np.array([row.elements for row in collected]), np.array([row.label for row in collected])


def test_weights_give_both_classes_the_same_total(
    assembled: tuple[DataFrame, NDArray[np.float64], NDArray[np.float64]],
) -> None:
    rows, _, labels = assembled
    totals = {row.label: row.total for row in totals_of(weighted(rows, labels, WEIGHTS))}
    assert totals[1.0] == pytest.approx(len(labels) / 2)
    assert totals[0.0] == pytest.approx(len(labels) / 2)
    plain = {row.label: row.total for row in totals_of(weighted(rows, labels, "none"))}
    assert plain == {1.0: labels.sum(), 0.0: len(labels) - labels.sum()}


def totals_of(rows: DataFrame) -> list[Any]:
    return rows.groupBy("label").agg(F.sum("weight").alias("total")).collect()


@pytest.mark.parametrize("method", RESAMPLED)
def test_resampling_makes_the_classes_even(
    assembled: tuple[DataFrame, NDArray[np.float64], NDArray[np.float64]], method: str
) -> None:
    _, elements, labels = assembled
    drawn, outcomes = resampled(elements, labels, method, seed=1)
    positives = int(labels.sum())
    each = positives if method == UNDER else len(labels) - positives
    assert (outcomes == 1.0).sum() == (outcomes == 0.0).sum() == each
    known = {tuple(row) for row in elements.round(9)}
    made = [tuple(row) not in known for row in drawn.round(9)]
    assert sum(made) == (each - positives if method == "smote" else 0)
    again, _ = resampled(elements, labels, method, seed=1)
    np.testing.assert_array_equal(again, drawn)


@pytest.mark.parametrize("few", range(1, 7))
@pytest.mark.parametrize("method", RESAMPLED)
def test_few_rows_of_a_class_have_as_many_neighbours_as_they_can(method: str, few: int) -> None:
    elements = np.random.default_rng(1).normal(size=(40, 3))
    for labels in (np.repeat([1.0, 0.0], [few, 40 - few]), np.repeat([1.0, 0.0], [40 - few, few])):
        drawn, outcomes = resampled(elements, labels, method, seed=1)
        assert (outcomes == 1.0).sum() == (outcomes == 0.0).sum() == (few if method == UNDER else 40 - few)
        known = {tuple(row) for row in elements.round(9)}
        made = sum(tuple(row) not in known for row in drawn.round(9))
        assert made == (40 - 2 * few if method == "smote" and few > 1 else 0)


def test_an_element_that_never_varies_does_not_drown_the_others() -> None:
    """The standard deviation of many times the same number may be some 1e-16."""
    random = np.random.default_rng(1)
    elements, labels = random.normal(size=(450, 4)), np.repeat([1.0, 0.0], [70, 380])
    constant = np.full((450, 1), np.log1p(1.3))
    alone, _ = resampled(elements, labels, "smote", seed=1)
    beside, _ = resampled(np.hstack([elements, constant]), labels, "smote", seed=1)
    assert constant.std() > 0
    np.testing.assert_allclose(beside[:, :4], alone, atol=1e-12)


@pytest.mark.parametrize("method", RESAMPLED)
def test_only_the_rows_that_train_are_resampled(
    dataset: TrainingSet, models: TrainedModels, fitted_on: list[DataFrame], method: str
) -> None:
    resampling = trained_models(dataset, TrainingSpec(algorithms=("decision_tree",), imbalance=method))
    np.testing.assert_array_equal(resampling.test.elements, models.test.elements)
    np.testing.assert_array_equal(resampling.train.labels, models.train.labels)
    assert len(resampling.best.chosen.held_out) == dataset.train.rows
    assert len(resampling.evaluation.scores) == dataset.test.rows
    assert len(fitted_on) == 3 * FITS["decision_tree"] + 1
    for frame in fitted_on:
        classes = {row.label: row["count"] for row in frame.groupBy("label").count().collect()}
        assert classes[0.0] == classes[1.0]


def test_no_row_of_a_held_out_fold_or_of_the_test_is_drawn(dataset: TrainingSet, fitted_on: list[DataFrame]) -> None:
    spec = TrainingSpec(algorithms=("decision_tree",), imbalance="over")
    models = trained_models(dataset, spec)
    # No two rows have the same noise.
    place = list(dataset.encoder.elements).index("noise_1")
    drawn_in = [
        {row.noise for row in frame.select(vector_to_array(F.col(input_column(ALL)))[place].alias("noise")).collect()}
        for frame in fitted_on
    ]
    noise, folds = models.train.elements[:, place], models.train.folds
    without = [set(noise[folds != fold]) for fold in range(spec.folds)]
    for drawn in drawn_in[: spec.folds]:
        assert sum(drawn <= allowed for allowed in without) == 1
    assert drawn_in[-1] <= set(noise)
    assert not drawn_in[-1] & set(models.test.elements[:, place])


def test_the_ways_to_deal_with_imbalance_are_compared_on_the_same_rows(planted_marts: SparkSession) -> None:
    spec = TrainingSpec(algorithms=("logistic_regression", "decision_tree"))
    compared = compare_imbalance(planted_marts, spec, NAMES, "first")
    rows = planted_marts.table(COMPARISONS).where("run_id = 'first'").collect()
    assert len(rows) == len(compared) == 2 * len(METHODS)
    assert {(row.imbalance, row.algorithm) for row in rows} == set(product(METHODS, spec.algorithms))
    assert [row.imbalance for row in rows if row.is_best] == list(METHODS)
    by_key = {(each.imbalance, each.algorithm): each for each in compared}
    for row in rows:
        each = by_key[row.imbalance, row.algorithm]
        assert (row.label, row.auc, row.f1) == (LABEL, each.metrics["auc"], each.metrics["f1"])
        assert row.fold_average_precision == each.fold_average_precision
    assert len({row.auc for row in rows}) > len(METHODS)
