"""Small classes of Java, compiled in the JVM by the compiler that Spark brings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from py4j.java_gateway import JavaGateway, JavaObject  # type: ignore[import-untyped]


def compiled(gateway: JavaGateway, source: str) -> JavaObject:
    """Return a class loader that has the classes of a source, and all that Spark has."""
    compiler = gateway.jvm.org.codehaus.janino.SimpleCompiler()
    compiler.setParentClassLoader(gateway.jvm.Thread.currentThread().getContextClassLoader())
    compiler.cook(source)
    return compiler.getClassLoader()


def made(gateway: JavaGateway, classes: JavaObject, name: str, *arguments: Any) -> JavaObject:  # noqa: ANN401 - of Java, or proxies
    """Return an object of one of the classes of a loader, by its one constructor."""
    (constructor,) = classes.loadClass(name).getConstructors()
    listed = gateway.jvm.java.util.ArrayList()
    for argument in arguments:
        listed.add(argument)
    return constructor.newInstance(listed.toArray())
