"""The next outcome of a user as one of several classes, beside a binary model for each class."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from pyspark.ml import Pipeline
from pyspark.ml.classification import (
    DecisionTreeClassifier,
    LogisticRegression,
    MultilayerPerceptronClassifier,
    RandomForestClassifier,
)
from pyspark.ml.feature import StandardScaler
from pyspark.ml.functions import vector_to_array
from pyspark.sql import functions as F

from models_ml import tables
from models_ml.dataset.arrow import ordered_table
from models_ml.dataset.time_split import split_by_time
from models_ml.dataset.training_set import known_snapshots
from models_ml.dataset.vectors import KEYS, WEIGHT, input_column
from models_ml.experiments.next_outcome.metrics import OutcomeScore, ScoringTask, macro_f1, outcome_scores
from models_ml.experiments.next_outcome.rows import (
    TEST,
    OutcomeCount,
    OutcomeRows,
    folded_outcomes,
    known_outcomes,
    learnable_classes,
    outcome_rows,
)
from models_ml.spec.training_spec import OUTCOME
from warehouse.contract.parallel import in_parallel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyspark.ml.base import Estimator
    from pyspark.sql import SparkSession

    from models_ml.portable.arrays import Floats

ONE_AGAINST_REST, TRAINING_SHARES = "one_against_rest", "training_shares"
TREES = FOREST, TREE = "random_forest", "decision_tree"
# By feature set, as strong as grids.yml has it for the binary labels.
PENALTIES = {"hazard": 0.003, "all": 0.3}
# How much of the training shares is mixed into each probability: a leaf that saw nobody of a class says 0, which log
# loss punishes without end.
SHRINKAGE = 0.01
# A class is called where its probability by its training share to one of these powers is largest: with 0 the most
# probable class, which is nearly always the same one, with 1 the class that is likelier than usual by the most.
LIFT_POWERS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class OutcomeReport:
    """What each model is worth on the test rows, the least log loss first; the last is the baseline.

    `counts` are those of the classes told apart, `features` and `lift_power` (of `lifted_macro_f1`) what the folds
    chose; `notes` tell of classes left out.
    """

    split: str
    features: str
    lift_power: float
    counts: Mapping[str, OutcomeCount]
    scores: Mapping[str, OutcomeScore]
    notes: tuple[str, ...]


def compare_outcomes(
    spark: SparkSession, feature_names: Sequence[str], seed: int = 20181001, test_snapshots: int = 2, folds: int = 3
) -> OutcomeReport:
    """Fit models of all classes at once, and one binary model per class, and judge both on the newest known snapshots.

    Split, embargo and features are as for the binary labels of one horizon; the folds choose the feature set.
    Nothing is written.

    Raises:
        MissingTable, MissingFeatures, TooFewSnapshots, TooFewUsers, OneClassOnly: the tables do not carry a model.
    """
    features, labels = (tables.table_state(spark, name).rows for name in (tables.FEATURES, tables.LABELS))
    known, horizon_days = known_snapshots(labels, OUTCOME)
    split = split_by_time(known, horizon_days, test_snapshots)
    outcomes = known_outcomes(labels, split)
    counts, notes = learnable_classes(outcomes, split)
    classes = tuple(counts)
    data = outcome_rows(features, feature_names, folded_outcomes(outcomes, classes, folds, seed), classes, seed)
    chosen, power = _best_on_folds(data, folds)
    task = ScoringTask(*data.held_out(TEST), data.classes, data.shares**-power, ONE_AGAINST_REST)
    scores = outcome_scores(task, outcome_probabilities(data, chosen, seed))
    order = sorted(scores, key=lambda name: (name == TRAINING_SHARES, scores[name].log_loss.value))
    return OutcomeReport(str(split), chosen, power, counts, {name: scores[name] for name in order}, notes)


def _best_on_folds(data: OutcomeRows, folds: int) -> tuple[str, float]:
    """Return the feature set of the least log loss on the folds held out, and the power of the best macro F1 there.

    By multinomial regression alone, for all models: the folds are to choose little, so that they choose it well.
    """
    fits = [partial(_probabilities, data, _regression(name), fold) for name in PENALTIES for fold in range(folds)]
    found = in_parallel(fits)
    labels = np.concatenate([data.held_out(fold)[1] for fold in range(folds)])
    held_out = {
        name: _shrunk(np.concatenate(found[place * folds : (place + 1) * folds]), data.shares)
        for place, name in enumerate(PENALTIES)
    }
    losses = {name: -np.log(each[np.arange(len(labels)), labels]).mean() for name, each in held_out.items()}
    best = min(losses, key=lambda name: losses[name])
    calls = {power: (held_out[best] * data.shares**-power).argmax(axis=1) for power in LIFT_POWERS}
    return best, max(LIFT_POWERS, key=lambda power: macro_f1(labels, calls[power], len(data.classes)))


def outcome_probabilities(data: OutcomeRows, features: str, seed: int) -> dict[str, Floats]:
    """Fit every model on all training rows; return the probabilities [rows, classes] of the test rows, by model.

    Only trees are weighted, so that all classes have the same total: MLlib merges leaves that call the same class, and
    unweighted nearly all call the most common one, so that what else they know is lost. The answers of the binary
    models are divided by their sum.
    """
    data = _weighted(data)
    estimators = _estimators(features, data.widths[features], len(data.classes), seed)
    at_once = [partial(_probabilities, data, estimator, TEST) for estimator in estimators.values()]
    one_by_one = [
        partial(_probabilities, _against_rest(data, place), _regression(features), TEST)
        for place in range(len(data.classes))
    ]
    found = in_parallel([*at_once, *one_by_one])
    answers = np.column_stack([each[:, 1] for each in found[len(at_once) :]])
    of_all_classes = dict(zip(estimators, found, strict=False))
    models = {
        **of_all_classes,
        **{name: unweighted(of_all_classes[name], data.shares) for name in TREES},
        ONE_AGAINST_REST: answers / answers.sum(axis=1, keepdims=True),
        TRAINING_SHARES: np.tile(data.shares, (len(answers), 1)),
    }
    return {name: _shrunk(each, data.shares) for name, each in models.items()}


def unweighted(probabilities: Floats, shares: Floats) -> Floats:
    """Return the probabilities of a model that saw every class weighted by the inverse of its share, without weights.

    Source: M. Saerens, P. Latinne and C. Decaestecker (2002), Adjusting the outputs of a classifier to new a priori
    probabilities: a simple procedure, Neural Computation 14, p. 21-41, formula 2.4.
    """
    joint = probabilities * shares
    divided: Floats = joint / joint.sum(axis=1, keepdims=True)
    return divided


def _shrunk(probabilities: Floats, shares: Floats) -> Floats:
    return (1 - SHRINKAGE) * probabilities + SHRINKAGE * shares


def _weighted(data: OutcomeRows) -> OutcomeRows:
    weights = F.array(*(F.lit(float(weight)) for weight in 1 / (len(data.classes) * data.shares)))
    return replace(data, frame=data.frame.withColumn(WEIGHT, weights[F.col("label").cast("int")]))


def _estimators(features: str, width: int, classes: int, seed: int) -> dict[str, Estimator[Any]]:
    """Return the models of all classes at once, with settings from the middle of those that grids.yml searches."""
    inputs = input_column(features)
    scaler = StandardScaler(inputCol=inputs, outputCol="scaled", withMean=True)
    layers = [width, 4, classes]
    return {
        "multinomial_regression": _regression(features),
        FOREST: RandomForestClassifier(
            featuresCol=inputs, weightCol=WEIGHT, numTrees=40, maxDepth=5, minInstancesPerNode=20, seed=seed
        ),
        "multilayer_perceptron": Pipeline(
            stages=[scaler, MultilayerPerceptronClassifier(featuresCol="scaled", layers=layers, maxIter=40, seed=seed)]
        ),
        TREE: DecisionTreeClassifier(
            featuresCol=inputs, weightCol=WEIGHT, maxDepth=4, minInstancesPerNode=50, seed=seed
        ),
    }


def _regression(features: str) -> LogisticRegression:
    """Return a logistic regression: multinomial, or, where the label has two classes, binomial."""
    return LogisticRegression(
        featuresCol=input_column(features), regParam=PENALTIES[features], maxIter=40, tol=1e-5, family="auto"
    )


def _against_rest(data: OutcomeRows, place: int) -> OutcomeRows:
    is_class = (F.col("label") == place).cast("double")
    return replace(data, frame=data.frame.withColumn("label", is_class))


def _probabilities(data: OutcomeRows, estimator: Estimator[Any], held_out: int) -> Floats:
    """Fit on the training rows of all other folds; return the probabilities [rows, classes] of the fold held out."""
    model = estimator.fit(data.frame.where(~F.col("fold").isin(TEST, held_out)))
    scored = model.transform(data.frame.where(F.col("fold") == held_out))
    wide = scored.select(*KEYS, vector_to_array(F.col("probability")).alias("probability"))
    table = ordered_table(wide, KEYS)
    flat: Floats = table["probability"].combine_chunks().flatten().to_numpy()
    return flat.reshape(table.num_rows, -1)
