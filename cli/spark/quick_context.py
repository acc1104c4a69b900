"""A SparkContext that hands functions to tasks as they are, and the elements of an RDD to Python while they are made.

Before a function goes to tasks, Spark looks for what the Scala shell may have left in it, and for `return` in it: it
reads the class file that it stands in from a jar, and parses it. Nothing here is written in the Scala shell, but Spark
does so several times a job, which is a third of the time of small jobs, as the fits of MLlib are by hundreds.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyspark import SparkContext

from cli.spark.java_classes import compiled, made

if TYPE_CHECKING:
    from py4j.java_gateway import JavaObject  # type: ignore[import-untyped]

SOURCE = Path(__file__).with_name("SparkhouseContext.java")


class QuickContext(SparkContext):
    """PySpark's context on the class of the source."""

    def _initialize_context(self, jconf: JavaObject) -> JavaObject:
        jvm: Any = self._jvm
        gateway: Any = self._gateway
        self._classes = compiled(gateway, SOURCE.read_text())
        # Tasks look for classes where the thread does that makes the context.
        jvm.Thread.currentThread().setContextClassLoader(self._classes)
        return jvm.JavaSparkContext(made(gateway, self._classes, SOURCE.stem, jconf))

    def pieces_of(self, elements: JavaObject) -> JavaObject:
        """Return an iterator of Scala over an RDD, each element when it is made; `close()` ends it early."""
        return made(self._gateway, self._classes, f"{SOURCE.stem}$Pieces", elements)
