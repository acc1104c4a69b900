"""A SparkContext that hands functions to tasks as they are.

Before a function goes to tasks, Spark looks for what the Scala shell may have left in it, and for `return` in it: it
reads the class file that it stands in from a jar, and parses it. Nothing here is written in the Scala shell, but Spark
does so several times a job, which is a third of the time of small jobs, as the fits of MLlib are by hundreds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyspark import SparkContext

from cli.spark.java_classes import compiled

if TYPE_CHECKING:
    from py4j.java_gateway import JavaObject  # type: ignore[import-untyped]

CLASS = "SparkhouseContext"
SOURCE = f"""
public class {CLASS} extends org.apache.spark.SparkContext {{
    public {CLASS}(org.apache.spark.SparkConf settings) {{ super(settings); }}

    public Object clean(Object function, boolean isTried) {{ return function; }}
}}
"""


class QuickContext(SparkContext):
    """PySpark's context on the class above."""

    def _initialize_context(self, jconf: JavaObject) -> JavaObject:
        jvm: Any = self._jvm
        gateway: Any = self._gateway
        settings = gateway.new_array(jvm.Object, 1)
        settings[0] = jconf
        (constructor,) = compiled(gateway, SOURCE).loadClass(CLASS).getConstructors()
        return jvm.JavaSparkContext(constructor.newInstance(settings))
