"""Portable models: NumPy scores as MLlib does, contributions add up, JSON keeps every bit."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from itertools import combinations, permutations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pyspark.ml import Pipeline
from pyspark.ml.classification import (
    DecisionTreeClassifier,
    GBTClassifier,
    LinearSVC,
    LogisticRegression,
    MultilayerPerceptronClassifier,
    NaiveBayes,
    RandomForestClassifier,
)
from pyspark.ml.feature import PCA, StandardScaler, VectorAssembler, VectorIndexer
from pyspark.ml.functions import array_to_vector, vector_to_array
from pyspark.sql import functions as F

from models_ml.portable.linear import LinearScorer
from models_ml.portable.network import NetworkScorer
from models_ml.portable.projected import Projected
from models_ml.portable.scorers import UnknownKind, scorer_from_json, unprojected
from models_ml.portable.trees import TreesScorer
from models_ml.training import export as export_module
from models_ml.training.export import UnportableModel, export

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray
    from pyspark.ml.base import Transformer
    from pyspark.sql import DataFrame, SparkSession

    from models_ml.portable.scorers import Scorer

PORTABLE = Path(export_module.__file__).parent
ELEMENTS, ROWS, MISSING = 6, 400, -1.0
LINEAR = ("logistic_regression", "linear_svm")
FORESTS = ("decision_tree", "random_forest")
TREES = (*FORESTS, "boosted_trees")
ALL = (*LINEAR, *TREES, "network")
CLASSIFIERS: dict[str, Callable[..., Any]] = {
    "logistic_regression": partial(LogisticRegression, regParam=0.01, weightCol="weight"),
    "linear_svm": partial(LinearSVC, maxIter=12, regParam=0.1, weightCol="weight"),
    "decision_tree": partial(DecisionTreeClassifier, maxDepth=6, weightCol="weight", seed=1),
    "random_forest": partial(
        RandomForestClassifier,
        numTrees=7,
        maxDepth=5,
        minInstancesPerNode=3,
        subsamplingRate=0.8,
        weightCol="weight",
        seed=1,
    ),
    "boosted_trees": partial(GBTClassifier, maxIter=6, maxDepth=3, stepSize=0.3, weightCol="weight", seed=1),
    "network": partial(MultilayerPerceptronClassifier, layers=[ELEMENTS, 5, 4, 2], maxIter=40, seed=1),
}


def training_rows() -> NDArray[np.float64]:
    """Three measures, a count, a measure that is mostly missing, a constant; of very different scales."""
    random = np.random.default_rng(5)
    measures = random.normal([0.0, 2.0, 100.0], [1.0, 0.5, 30.0], (ROWS, 3))
    sparse = np.where(random.random(ROWS) < 0.7, MISSING, random.gamma(2.0, 1.0, ROWS))
    return np.column_stack([measures, random.poisson(3.0, ROWS), sparse, np.full(ROWS, 4.0)])


def labelled(spark: SparkSession, rows: NDArray[np.float64]) -> DataFrame:
    """The training rows with a label that depends on them, and unequal weights."""
    random = np.random.default_rng(6)
    signal = rows[:, 0] + (rows[:, 1] - 2) * rows[:, 3] - (rows[:, 4] > 0) + random.normal(0.0, 1.0, ROWS)
    labels, weights = (signal > 0).astype(float), random.uniform(0.2, 3.0, ROWS)
    packed = [(row.tolist(), float(y), float(w)) for row, y, w in zip(rows, labels, weights, strict=True)]
    frame = spark.createDataFrame(packed, "row array<double>, label double, weight double").coalesce(1)
    return frame.select(array_to_vector(F.col("row")).alias("features"), "label", "weight").cache()


@dataclass(frozen=True)
class Fits:
    """Every classifier, fitted by MLlib on the same rows."""

    spark: SparkSession
    rows: NDArray[np.float64]
    training: DataFrame
    models: dict[str, Any]

    def scorer(self, name: str) -> Any:  # noqa: ANN401 - each kind has more than the protocol
        return export(self.models[name], self.rows.mean(axis=0), self.rows.std(axis=0))

    def transformed(self, model: Transformer, rows: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
        """MLlib's rawPrediction and probability of rows, each [rows, 2]; for linear SVM there is no probability."""
        frame = self.spark.createDataFrame([(row.tolist(),) for row in rows], "row array<double>").coalesce(1)
        scored = model.transform(frame.select(array_to_vector(F.col("row")).alias("features")))
        columns = [name for name in ("rawPrediction", "probability") if name in scored.columns]
        collected = scored.select(*(vector_to_array(F.col(name)).alias(name) for name in columns)).collect()
        return tuple(np.array([row[name] for row in collected]) for name in columns)


@pytest.fixture(scope="module")
def fits(spark: SparkSession) -> Fits:
    rows = training_rows()
    training = labelled(spark, rows)
    return Fits(spark, rows, training, {name: one().fit(training) for name, one in CLASSIFIERS.items()})


def mllib_score(fits: Fits, model: Transformer, name: str, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """What the portable score has to be."""
    raw, *probability = fits.transformed(model, rows)
    if name in FORESTS:
        return probability[0][:, 1]
    return raw[:, 1] - raw[:, 0] if name == "network" else raw[:, 1]


def on_the_thresholds(scorer: TreesScorer, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each split one of the rows that come to it, moved exactly onto the threshold."""
    inner = np.flatnonzero(scorer.children_left != np.arange(len(scorer.value)))
    moved = rows[inner % len(rows)].copy()
    moved[np.arange(len(inner)), scorer.feature[inner]] = scorer.threshold[inner]
    return moved


def subsets(elements: Iterable[int]) -> list[tuple[int, ...]]:
    listed = sorted(elements)
    return [chosen for size in range(len(listed) + 1) for chosen in combinations(listed, size)]


def adds_up(scorer: Scorer, rows: NDArray[np.float64]) -> bool:
    base, phi = scorer.contributions(rows)
    return phi.shape == rows.shape and np.allclose(base + phi.sum(axis=1), scorer.score(rows), rtol=1e-9, atol=1e-12)


def shares_of(scorer: Scorer) -> NDArray[np.float64]:
    """The importance of a scorer that can tell it."""
    importance = scorer.importance()
    assert importance is not None
    return importance


@pytest.mark.parametrize("name", ALL)
def test_numpy_scores_as_mllib_does(fits: Fits, name: str) -> None:
    expected = mllib_score(fits, fits.models[name], name, fits.rows)
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(fits.scorer(name).score(fits.rows), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", TREES)
def test_a_row_on_a_threshold_goes_left_as_in_mllib(fits: Fits, name: str) -> None:
    scorer = fits.scorer(name)
    rows = on_the_thresholds(scorer, fits.rows)
    expected = mllib_score(fits, fits.models[name], name, rows)
    np.testing.assert_allclose(scorer.score(rows), expected, rtol=1e-9)
    assert not np.allclose(scorer.score(rows + 1e-9), expected, rtol=1e-9)


@pytest.mark.parametrize("name", ALL)
def test_contributions_add_up_to_the_score(fits: Fits, name: str) -> None:
    assert adds_up(fits.scorer(name), fits.rows)


@pytest.mark.parametrize("name", TREES)
def test_contributions_of_rows_on_thresholds_and_of_missing_values_add_up(fits: Fits, name: str) -> None:
    scorer = fits.scorer(name)
    rows = on_the_thresholds(scorer, fits.rows)
    assert adds_up(scorer, np.concatenate([rows, np.where(rows == MISSING, np.nan, rows)]))


def given(tree: TreesScorer, row: NDArray[np.float64], known: set[int], node: int = 0) -> float:
    """The mean value of the leaves that a row may end in where only some of its elements are known."""
    left, right = int(tree.children_left[node]), int(tree.children_right[node])
    if left == node:
        return float(tree.value[node])
    if tree.feature[node] in known:
        goes_left = row[tree.feature[node]] <= tree.threshold[node]
        return given(tree, row, known, left if goes_left else right)
    shares = tree.cover[[left, right]] / tree.cover[[left, right]].sum()
    return float(shares @ [given(tree, row, known, left), given(tree, row, known, right)])


def test_tree_contributions_are_the_mean_over_all_orders_in_which_elements_get_known(fits: Fits) -> None:
    scorer = fits.scorer("decision_tree")
    orders = list(permutations(range(ELEMENTS)))
    for row in fits.rows[:3]:
        phi = np.zeros(ELEMENTS)
        seen = {known: given(scorer, row, set(known)) for known in subsets(range(ELEMENTS))}
        for order in orders:
            for place, element in enumerate(order):
                before, after = tuple(sorted(order[:place])), tuple(sorted(order[: place + 1]))
                phi[element] += (seen[after] - seen[before]) / len(orders)
        np.testing.assert_allclose(scorer.contributions(row[np.newaxis])[1][0], phi, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ALL)
def test_an_element_that_never_varies_contributes_nothing(fits: Fits, name: str) -> None:
    scorer = fits.scorer(name)
    np.testing.assert_array_equal(scorer.contributions(fits.rows)[1][:, 5], 0.0)
    assert scorer.importance()[5] == 0.0
    assert scorer.importance().sum() == pytest.approx(1.0)


@pytest.mark.parametrize("name", ALL)
def test_json_keeps_every_bit(fits: Fits, name: str) -> None:
    scorer = fits.scorer(name)
    read = scorer_from_json(json.loads(json.dumps(scorer.to_json())))
    assert type(read) is type(scorer)
    np.testing.assert_array_equal(read.score(fits.rows), scorer.score(fits.rows))
    np.testing.assert_array_equal(read.contributions(fits.rows)[1], scorer.contributions(fits.rows)[1])


@pytest.mark.parametrize("name", TREES)
def test_one_row_scores_as_among_others(fits: Fits, name: str) -> None:
    scorer = fits.scorer(name)
    many = np.tile(fits.rows, (12, 1))
    alone = np.concatenate([scorer.score(row[np.newaxis]) for row in fits.rows])
    np.testing.assert_array_equal(scorer.score(many), np.tile(alone, 12))
    assert scorer.score(fits.rows[:0]).shape == (0,)


@pytest.mark.parametrize("name", TREES)
def test_trees_have_the_importance_that_mllib_gives(fits: Fits, name: str) -> None:
    expected = fits.models[name].featureImportances.toArray()
    np.testing.assert_allclose(fits.scorer(name).importance(), expected, rtol=1e-9)


def test_a_linear_importance_is_the_coefficient_in_standard_deviations(fits: Fits) -> None:
    scorer = fits.scorer("logistic_regression")
    per_deviation = np.abs(scorer.coefficients) * fits.rows.std(axis=0)
    np.testing.assert_allclose(scorer.importance(), per_deviation / per_deviation.sum())
    assert export(fits.models["logistic_regression"], fits.rows.mean(axis=0)).importance() is None


def test_a_network_of_one_layer_is_a_linear_model() -> None:
    random = np.random.default_rng(1)
    weights, bias, reference, spread = random.normal(size=(3, 2)), random.normal(size=2), np.ones(3), np.full(3, 2.0)
    network = NetworkScorer(((weights, bias),), reference, spread)
    linear = LinearScorer(weights[:, 1] - weights[:, 0], bias[1] - bias[0], reference, spread)
    rows = random.normal(size=(10, 3))
    np.testing.assert_allclose(network.score(rows), linear.score(rows))
    np.testing.assert_allclose(network.contributions(rows)[1], linear.contributions(rows)[1])
    np.testing.assert_allclose(shares_of(network), shares_of(linear))


def test_integrated_gradients_stay_exact_where_the_network_is_steep() -> None:
    layers = ((np.array([[3000.0], [2000.0]]), np.array([-700.0])), (np.array([[0.0, 5.0]]), np.array([0.0, 1.0])))
    network = NetworkScorer(layers, np.zeros(2))
    rows = np.array([[1.0, 1.0], [0.0, 1.0], [0.0, 0.0]])
    base, phi = network.contributions(rows)
    np.testing.assert_allclose(base + phi.sum(axis=1), network.score(rows), rtol=1e-12)
    # All of it runs through one hidden unit, so each element has the share of the way that it goes there.
    np.testing.assert_allclose(phi[0, 0] / phi[0, 1], 30 / 20, rtol=1e-9)
    np.testing.assert_array_equal(phi[2], 0.0)


@pytest.mark.parametrize("name", TREES)
def test_a_cut_of_all_is_the_same_model(fits: Fits, name: str) -> None:
    scorer = fits.scorer(name)
    assert scorer.cut().to_json() == scorer.to_json()
    if name in FORESTS:
        assert scorer.cut(len(scorer.offsets), scorer.depth).to_json() == scorer.to_json()


@pytest.mark.parametrize("count", [1, 4])
def test_a_cut_forest_is_the_mean_of_its_first_trees(fits: Fits, count: int) -> None:
    trees = fits.models["random_forest"].trees[:count]
    probabilities = [fits.transformed(tree, fits.rows)[1][:, 1] for tree in trees]
    cut = fits.scorer("random_forest").cut(trees=count)
    np.testing.assert_allclose(cut.score(fits.rows), np.mean(probabilities, axis=0), rtol=1e-9)
    assert adds_up(cut, fits.rows)


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_a_tree_cut_at_a_depth_predicts_as_mllib_fits_it_to_that_depth(fits: Fits, depth: int) -> None:
    shallow = CLASSIFIERS["decision_tree"](maxDepth=depth).fit(fits.training)
    expected = mllib_score(fits, shallow, "decision_tree", fits.rows)
    cut = fits.scorer("decision_tree").cut(depth=depth)
    assert cut.depth == depth
    # MLlib joins sibling leaves of one class, the cut does not: both say the same class, and joined leaves its mean.
    np.testing.assert_array_equal(cut.score(fits.rows) > 0.5, expected > 0.5)
    by_leaf = [cut.score(fits.rows)[expected == share].tolist() for share in np.unique(expected)]
    for scores, share in zip(by_leaf, np.unique(expected), strict=True):
        assert min(scores) - 1e-12 <= share <= max(scores) + 1e-12
    assert adds_up(cut, fits.rows)


def test_a_forest_cut_at_a_depth_gives_the_shares_of_the_nodes_there(fits: Fits) -> None:
    tree = fits.scorer("random_forest").cut(trees=1)
    cut = tree.cut(depth=1)
    left = fits.rows[:, tree.feature[0]] <= tree.threshold[0]
    expected = np.where(left, tree.value[tree.children_left[0]], tree.value[tree.children_right[0]])
    np.testing.assert_array_equal(cut.score(fits.rows), expected)
    assert len(cut.value) == 3
    assert np.flatnonzero(cut.importance()).tolist() == [tree.feature[0]]


def test_boosted_trees_cut_are_a_fit_of_fewer_iterations(fits: Fits) -> None:
    boosted = fits.models["boosted_trees"]
    shorter = CLASSIFIERS["boosted_trees"](maxIter=3).fit(fits.training)
    cut = fits.scorer("boosted_trees").cut(trees=3)
    np.testing.assert_allclose(cut.score(fits.rows), fits.transformed(shorter, fits.rows)[0][:, 1], rtol=1e-9)
    frame = fits.training.withColumn("weight", F.lit(1.0))
    losses = boosted.evaluateEachIteration(frame)
    outcomes = 2 * np.array([row.label for row in fits.training.select("label").collect()]) - 1
    for count, loss in enumerate(losses, start=1):
        margins = fits.scorer("boosted_trees").cut(trees=count).score(fits.rows)
        assert np.mean(2 * np.log1p(np.exp(-2 * outcomes * margins))) == pytest.approx(loss, rel=1e-9)


def test_a_cut_that_cannot_be_is_refused(fits: Fits) -> None:
    with pytest.raises(ValueError, match="fit them anew"):
        fits.scorer("boosted_trees").cut(depth=2)
    for trees, depth in ((0, None), (8, None), (None, -1)):
        with pytest.raises(ValueError, match="there are 7 trees"):
            fits.scorer("random_forest").cut(trees, depth)


@pytest.mark.parametrize("name", [*LINEAR, "network"])
def test_scaling_folds_into_the_model(fits: Fits, name: str) -> None:
    scaler = StandardScaler(inputCol="features", outputCol="scaled", withMean=True, withStd=True)
    pipeline: Any = Pipeline(stages=[scaler, CLASSIFIERS[name](featuresCol="scaled")]).fit(fits.training)
    scaling, model = pipeline.stages
    mean, scale = scaling.mean.toArray(), scaling.std.toArray()
    assert scale[5] == 0.0
    scorer: Any = export(model, np.zeros(ELEMENTS), np.ones(ELEMENTS))
    folded = scorer.unscaled(mean, scale)
    other = fits.rows * 1.1
    np.testing.assert_allclose(folded.score(other), mllib_score(fits, pipeline, name, other), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(folded.reference, mean)
    np.testing.assert_allclose(folded.spread, scale)
    assert adds_up(folded, other)


def pca_pipeline(fits: Fits, name: str) -> tuple[Any, Callable[[Any], Any]]:
    """Scaling, three components, a classifier; and what folds the first two into the scorer of the third."""
    scaler = StandardScaler(inputCol="features", outputCol="scaled", withMean=True, withStd=True)
    pca = PCA(k=3, inputCol="scaled", outputCol="components")
    classifier = CLASSIFIERS[name](featuresCol="components")
    if name == "network":
        classifier.setLayers([3, 4, 2])
    pipeline: Any = Pipeline(stages=[scaler, pca, classifier]).fit(fits.training)
    mean, scale = pipeline.stages[0].mean.toArray(), pipeline.stages[0].std.toArray()
    components = pipeline.stages[1].pc.toArray()
    return pipeline, lambda scorer: unprojected(scorer, components, np.zeros(ELEMENTS), np.ones(ELEMENTS)).unscaled(
        mean, scale
    )


@pytest.mark.parametrize("name", ALL)
def test_scaling_and_projection_fold_into_the_model(fits: Fits, name: str) -> None:
    pipeline, folded_by = pca_pipeline(fits, name)
    folded = folded_by(export(pipeline.stages[2], np.zeros(3)))
    expected = mllib_score(fits, pipeline, name, fits.rows)
    np.testing.assert_allclose(folded.score(fits.rows), expected, rtol=1e-9, atol=1e-9)
    assert adds_up(folded, fits.rows)
    assert folded.importance().sum() == pytest.approx(1.0)
    assert folded.importance()[5] == 0.0
    read = scorer_from_json(json.loads(json.dumps(folded.to_json())))
    np.testing.assert_array_equal(read.contributions(fits.rows)[1], folded.contributions(fits.rows)[1])


@pytest.mark.parametrize("name", ["logistic_regression", "random_forest"])
def test_projection_without_centring_is_mllibs_pca(fits: Fits, name: str) -> None:
    pca = PCA(k=3, inputCol="features", outputCol="components")
    pipeline: Any = Pipeline(stages=[pca, CLASSIFIERS[name](featuresCol="components")]).fit(fits.training)
    scorer: Any = export(pipeline.stages[1], np.zeros(3))
    folded = unprojected(scorer, pipeline.stages[0].pc.toArray(), fits.rows.mean(axis=0))
    np.testing.assert_allclose(folded.score(fits.rows), mllib_score(fits, pipeline, name, fits.rows), rtol=1e-9)
    assert folded.importance() is None
    assert adds_up(folded, fits.rows)


def test_trees_on_components_deal_a_contribution_out_by_how_far_each_element_moved_the_component() -> None:
    split = {"children_left": [1, 1, 2], "children_right": [2, 1, 2], "feature": [0, 0, 0], "threshold": [0.0, 0, 0]}
    values = {"value": [0.5, 0.0, 1.0], "cover": [2.0, 1.0, 1.0], "gain": [0.5, 0.0, 0.0]}
    stump = {**split, **values, "offsets": [0], "weights": [1.0], "elements": 1, "boosted": False}
    trees = TreesScorer.from_json(stump)
    projected = unprojected(trees, np.array([[1.0], [-2.0], [0.0]]), np.array([1.0, 1.0, 1.0]), np.ones(3))
    assert isinstance(projected, Projected)
    base, phi = projected.contributions(np.array([[4.0, 1.0, 9.0], [2.0, 2.0, 9.0], [1.0, 1.0, 1.0]]))
    assert base == 0.5
    np.testing.assert_allclose(phi, [[0.5, 0, 0], [-0.5 / 3, -1.0 / 3, 0], [-0.5 / 3, -1.0 / 3, 0]])
    np.testing.assert_allclose(shares_of(projected), [1 / 3, 2 / 3, 0.0])


def test_projected_trees_can_be_cut(fits: Fits) -> None:
    pipeline, folded_by = pca_pipeline(fits, "random_forest")
    scorer: Any = export(pipeline.stages[2], np.zeros(3))
    cut, expected = folded_by(scorer).cut(trees=2, depth=2), folded_by(scorer.cut(trees=2, depth=2))
    np.testing.assert_array_equal(cut.score(fits.rows), expected.score(fits.rows))


def test_trees_that_never_split_score_all_rows_alike(fits: Fits) -> None:
    stump = CLASSIFIERS["decision_tree"](maxDepth=0).fit(fits.training)
    scorer: Any = export(stump, fits.rows.mean(axis=0))
    assert np.unique(scorer.score(fits.rows)).size == 1
    base, phi = scorer.contributions(fits.rows)
    assert base == scorer.score(fits.rows)[0]
    assert not phi.any()
    assert not scorer.importance().any()


def test_what_numpy_cannot_score_is_refused(fits: Fits, spark: SparkSession) -> None:
    reference = np.zeros(ELEMENTS)
    three = fits.training.withColumn("label", F.when(F.rand(1) < 0.3, 2.0).otherwise(F.col("label")))
    for name in ("decision_tree", "logistic_regression"):
        with pytest.raises(UnportableModel, match="class"):
            export(CLASSIFIERS[name]().fit(three), reference)
    positive = VectorAssembler(inputCols=["weight"], outputCol="features").transform(fits.training.drop("features"))
    with pytest.raises(UnportableModel, match="NaiveBayesModel"):
        export(NaiveBayes().fit(positive), reference)
    levels = spark.createDataFrame(
        [([float(i % 3)], float(i % 3 == 1)) for i in range(30)], "row array<double>, label double"
    )
    indexer = VectorIndexer(inputCol="vector", outputCol="features", maxCategories=3)
    nominal = levels.select(array_to_vector(F.col("row")).alias("vector"), "label")
    tree = DecisionTreeClassifier().fit(indexer.fit(nominal).transform(nominal))
    with pytest.raises(UnportableModel, match="element 0 is split by category"):
        export(tree, np.zeros(1))


def test_a_stored_model_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(UnknownKind, match="kind 'bayes'"):
        scorer_from_json({"kind": "bayes"})
