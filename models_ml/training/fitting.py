"""Fits in parallel, and a fitted pipeline as a scorer of the elements as they are."""

from __future__ import annotations

from functools import partial
from multiprocessing.pool import ThreadPool
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from pyspark import inheritable_thread_target

from models_ml.portable.scorers import unprojected
from models_ml.training.export import export

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyspark.ml import PipelineModel

    from models_ml.portable.arrays import Floats
    from models_ml.portable.scorers import Scorer

Result = TypeVar("Result")
# A fit waits for the scheduler more than it computes, so more fits than cores pay.
PARALLEL_FITS = 4


def in_parallel(tasks: Sequence[Callable[[], Result]]) -> list[Result]:
    """Return what the tasks return, in their order; they run some at a time, in threads that Spark knows."""
    # Wrapped one by one: each wrapping copies Spark's local properties, and threads that share a copy break each other.
    wrapped: list[Callable[[], Result]] = [inheritable_thread_target(partial(task)) for task in tasks]
    with ThreadPool(PARALLEL_FITS) as pool:
        return pool.map(lambda task: task(), wrapped, chunksize=1)


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
