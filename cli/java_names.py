"""Names of Java's packages and classes in Python: each is looked up once.

py4j asks the JVM at each use of a name, once for each part of it, and the JVM searches all jars for what is no class.
`functions.col` alone does so twice; a training of models does so thousands of times.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    LookUp = Callable[[Any, str], Any]


@cache
def remember_java_names() -> None:
    """Let each view of a JVM, and each package, keep the packages and classes that were found in it."""
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
