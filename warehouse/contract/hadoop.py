"""Hadoop's file systems, by which Spark's driver reaches whatever store its executors do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from py4j.java_gateway import JavaObject  # type: ignore[import-untyped]
    from pyspark import SparkContext


def hadoop_path(context: SparkContext, place: str) -> tuple[JavaObject, JavaObject]:
    """Return the file system of a place, a path or a URI, and the place as it takes it."""
    of_java: Any = context
    path = of_java._jvm.org.apache.hadoop.fs.Path(place)  # noqa: SLF001
    return path.getFileSystem(of_java._jsc.hadoopConfiguration()), path  # noqa: SLF001


def remove_folder(context: SparkContext, place: str) -> None:
    """Take a folder and all that is in it away, if it is there."""
    files, path = hadoop_path(context, place)
    files.delete(path, True)  # noqa: FBT003 - Hadoop's
