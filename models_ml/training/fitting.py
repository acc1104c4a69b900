"""A fitted pipeline as a scorer of the elements as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from models_ml.portable.scorers import unprojected
from models_ml.training.export import export

if TYPE_CHECKING:
    from pyspark.ml import PipelineModel

    from models_ml.portable.arrays import Floats
    from models_ml.portable.scorers import Scorer


def scorer_of(model: PipelineModel, seen: Floats) -> Scorer:
    """Return the scorer of a fit of `classifiers.fit`, given the elements [rows, elements] of the rows that it saw.

    Standardisation and principal components are folded into it.
    """
    stages: list[Any] = model.stages
    *before, classifier = stages
    mean, spread = seen.mean(axis=0), seen.std(axis=0)
    if not before:
        return export(classifier, mean, spread)
    center, scale = before[0].mean.toArray(), before[0].std.toArray()
    factor = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0)
    mean, spread = (mean - center) * factor, spread * factor
    if len(before) == 1:
        network: Any = export(classifier, mean, spread)
        scorer: Scorer = network.unscaled(center, scale)
        return scorer
    components = before[1].pc.toArray()
    projected: Any = export(classifier, mean @ components)
    return unprojected(projected, components, mean, spread).unscaled(center, scale)
