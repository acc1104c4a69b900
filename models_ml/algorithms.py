"""The MLlib classifiers, behind one interface: a name gives an estimator that ranks by `rawPrediction[1]`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyspark.ml.classification import GBTClassifier, LinearSVC, LogisticRegression, RandomForestClassifier

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.ml.base import Estimator

# MLlib's linear models standardise inside and the trees do not need it: no scaler. On some thousand rows a fit costs
# one Spark job per iteration or tree level, so these settings are as short as they can be before the ranking suffers.
ALGORITHMS: dict[str, Callable[[int], Estimator[Any]]] = {
    "logistic_regression": lambda _seed: LogisticRegression(
        maxIter=30, regParam=0.05, elasticNetParam=0.5, tol=1e-4, weightCol="weight"
    ),
    "random_forest": lambda seed: RandomForestClassifier(
        numTrees=20, maxDepth=5, minInstancesPerNode=5, weightCol="weight", seed=seed
    ),
    "gradient_boosted_trees": lambda seed: GBTClassifier(
        maxIter=10, maxDepth=3, stepSize=0.2, minInstancesPerNode=5, weightCol="weight", seed=seed
    ),
    "linear_svm": lambda _seed: LinearSVC(maxIter=12, regParam=0.1, tol=1e-3, weightCol="weight"),
}


def parameters(estimator: Estimator[Any]) -> dict[str, str]:
    """Return what was set on the estimator, not its defaults."""
    return {param.name: str(estimator.getOrDefault(param)) for param in estimator.params if estimator.isSet(param)}
