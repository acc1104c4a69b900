"""Files of models on their way between this machine and executors on others.

MLlib's models are written and read by executors, MLflow's artifacts by this process. On a cluster they hand them to
each other in the folder for checkpoints, which all of them share, whatever file system it is on.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch
from uuid import uuid4

from pyspark import SparkContext

from warehouse.contract.hadoop import hadoop_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.ml import PipelineModel

# The folder of MLlib's files in what MLflow keeps of a model.
MLLIB = "sparkml"


@contextmanager
def place_for_executors(local: str) -> Iterator[str]:
    """Give a folder for a block, in which executors write what this process reads: `local` where they are in it."""
    shared = _shared()
    if not shared:
        yield local
        return
    import mlflow.spark

    place = f"{shared}/models-{uuid4()}"
    files, path = hadoop_path(SparkContext.getOrCreate(), place)
    # MLflow copies by the file system that is the default.
    with patch.object(mlflow.spark._HadoopFileSystem, "_filesystem", files):  # noqa: SLF001 - it has no setting
        try:
            yield place
        finally:
            files.delete(path, True)  # noqa: FBT003 - Hadoop's


def is_shared(place: str) -> bool:
    """Whether executors are elsewhere, and share a folder with this process."""
    shared = _shared()
    return shared is not None and place.startswith(shared)


def loaded_by_executors(artifacts: str, place: str) -> PipelineModel:
    """Load a model of which MLflow's files lie in a folder of this machine."""
    from pyspark.ml import PipelineModel

    context = SparkContext.getOrCreate()
    _, source = hadoop_path(context, (Path(artifacts) / MLLIB).as_uri())
    files, target = hadoop_path(context, place)
    files.copyFromLocalFile(source, target)
    return PipelineModel.load(place)


def _shared() -> str | None:
    return SparkContext.getOrCreate().getCheckpointDir()
