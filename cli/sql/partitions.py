"""The partitions of a result as the JVM hands them out, one after the other, to one who reads them as they come.

Where tasks run in the JVM of the driver, elements come while they are made. On a cluster a partition comes when it is
whole, as with pyspark's `toLocalIterator`, which this is but for the socket: it confirms at once what has come, where
the system can. Java writes small pieces one by one, and the system holds each back until the one before it is
confirmed, which by default takes it 40 ms: the rows of `select 1` come after 12 ms so, and after 57 without.
"""

from __future__ import annotations

import socket
from io import BufferedRWPair
from typing import TYPE_CHECKING, Any

from pyspark.java_gateway import _do_server_auth
from pyspark.serializers import NoOpSerializer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from py4j.java_gateway import JavaObject  # type: ignore[import-untyped]
    from pyspark import SparkContext

LOOPBACK = "127.0.0.1"
# Of Linux.
AT_ONCE: int | None = getattr(socket, "TCP_QUICKACK", None)
# Java's integers.
MORE, FAILED = (number.to_bytes(4, "big", signed=True) for number in (1, -1))


class _Confirming(socket.SocketIO):
    """The bytes of a connection, each confirmed when it is read."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__(connection, "rw")
        self._connection = connection

    def readinto(self, buffer: Any) -> int | None:  # noqa: ANN401 - any that can be written to
        if AT_ONCE is not None:
            # It holds until the system thinks otherwise.
            self._connection.setsockopt(socket.IPPROTO_TCP, AT_ONCE, 1)
        return super().readinto(buffer)


def pieces_of(batches: JavaObject, context: SparkContext) -> Iterator[bytes]:
    """Return the elements of an RDD of bytes; its last stage is run partition by partition while they are read.

    Spark's errors are raised as by pyspark. Who stops early ends the job.
    """
    from cli.spark.quick_context import QuickContext

    jvm: Any = context._jvm  # noqa: SLF001
    if isinstance(context, QuickContext) and context._jsc.sc().isLocal():  # noqa: SLF001
        pieces = context.pieces_of(batches)
        connection, stream, serving = _connected(jvm.PythonRDD.serveIterator(pieces, "serve pieces"))
        return _as_they_are_made(connection, stream, serving, pieces)
    nothing_ahead = False
    return _of_partitions(*_connected(jvm.PythonRDD.toLocalIteratorAndServe(batches, nothing_ahead)))


def _connected(served: Any) -> tuple[socket.socket, BufferedRWPair[Any], JavaObject]:  # noqa: ANN401 - an array of Java
    """Call at once: Java waits for some seconds only."""
    port, secret, serving = served
    connection = socket.create_connection((LOOPBACK, port))
    raw = _Confirming(connection)
    stream: BufferedRWPair[Any] = BufferedRWPair(raw, raw)
    _do_server_auth(stream, secret)
    return connection, stream, serving


def _as_they_are_made(
    connection: socket.socket, stream: BufferedRWPair[Any], serving: JavaObject, pieces: JavaObject
) -> Iterator[bytes]:
    with connection:
        try:
            yield from NoOpSerializer().load_stream(stream)
            # The end is where Java ends the connection: whether it has said all, it says here.
            serving.getResult()
        finally:
            pieces.close()


def _of_partitions(connection: socket.socket, stream: BufferedRWPair[Any], serving: JavaObject) -> Iterator[bytes]:
    with connection:
        while True:
            stream.write(MORE)
            stream.flush()
            status = stream.read(len(MORE))
            if len(status) < len(MORE):
                raise ConnectionResetError("Java ended in the middle of a result")
            if status == FAILED:
                serving.getResult()
            if status != MORE:
                return
            yield from NoOpSerializer().load_stream(stream)
