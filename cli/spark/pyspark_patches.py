"""What PySpark does the long way, done the short way: the same result, and calls that take a fraction of the time."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    LookUp = Callable[[Any, str], Any]


@cache
def patch_pyspark() -> None:
    """Patch it once in a process; nothing of it starts Java."""
    _remember_java_names()
    _hand_pickled_rows_to_java()
    _apply_settings_once()


def _remember_java_names() -> None:
    """Let each view of a JVM, and each package, keep the packages and classes that were found in it.

    py4j asks the JVM at each use of a name, once for each part of it, and the JVM searches all jars for what is no
    class. `functions.col` alone does so twice; a training of models does so thousands of times.
    """
    from py4j.java_gateway import JavaPackage, JVMView  # type: ignore[import-untyped]

    for kind in (JVMView, JavaPackage):
        kind.__getattr__ = _remembering(kind.__getattr__)


def _remembering(look_up: LookUp) -> LookUp:
    from py4j.java_gateway import JavaClass, JavaPackage

    def remembered(self: Any, name: str) -> Any:  # noqa: ANN401 - any name of Java
        found = look_up(self, name)
        if isinstance(found, (JavaClass, JavaPackage)):
            vars(self)[name] = found
        return found

    return remembered


def _hand_pickled_rows_to_java() -> None:
    """Let Java unpickle the rows of `createDataFrame(rows, schema)` as they are.

    They are pickled in batches, as Java takes them; but as those batches are of another size than PySpark's own, each
    use of such a table starts processes of Python that unpickle all rows and pickle them again.
    """
    from pyspark import RDD
    from pyspark.serializers import BatchedSerializer, CPickleSerializer

    kind: Any = RDD
    through_python = kind._to_java_object_rdd  # noqa: SLF001 - there is no public place for it

    def to_java(self: Any) -> Any:  # noqa: ANN401 - a handle of py4j
        pickled, in_batches = self._jrdd_deserializer, True
        if type(self) is RDD and type(pickled) is BatchedSerializer and pickled.serializer == CPickleSerializer():
            jvm: Any = self.ctx._jvm  # noqa: SLF001
            return jvm.SerDeUtil.pythonToJava(self._jrdd, in_batches)
        return through_python(self)

    kind._to_java_object_rdd = to_java  # noqa: SLF001


def _apply_settings_once() -> None:
    """Return the session as it is where `getOrCreate` comes with the settings that it came with before.

    dbt-spark asks for a session with all settings of the profile for each statement, each by a call to Java.
    """
    from pyspark.sql import SparkSession

    kind: Any = SparkSession
    applied: list[Any] = []
    get_or_create = kind.Builder.getOrCreate

    def get_or_apply(self: Any) -> Any:  # noqa: ANN401 - a builder, and the session
        session, settings = kind._instantiatedSession, dict(self._options)  # noqa: SLF001
        if session is None or session._sc._jsc is None or applied != [session, settings]:  # noqa: SLF001
            session = get_or_create(self)
            applied[:] = [session, settings]
        return session

    kind.Builder.getOrCreate = get_or_apply
