"""Rows that are computed once and used by many jobs, wherever these run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def computed_once(frame: DataFrame) -> DataFrame:
    """Compute the rows of a frame, in their order, and return them without the plan that they came from.

    They are kept where executors keep blocks, which is quickest; where executors may be lost, on a cluster, in the
    folder for checkpoints that all of them share.
    """
    shared = frame.sparkSession.sparkContext.getCheckpointDir()
    return frame.checkpoint() if shared else frame.localCheckpoint()
