"""The partitions of a result as the JVM hands them out, one after the other, each when it is asked for.

This is what pyspark's `toLocalIterator` reads, over a socket that confirms at once what has come, where the system can.
Java writes small pieces one by one, and the system holds each back until the one before it is confirmed, which by
default takes it 40 ms: the rows of `select 1` come after 12 ms so, and after 57 without.
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


def pieces_of(batches: JavaObject, jvm: Any) -> Iterator[bytes]:  # noqa: ANN401 - a view of py4j
    """Return the elements of an RDD of bytes; its last stage is run partition by partition while they are read.

    Spark's errors are raised as by pyspark. Who stops early ends the job after the partition that is being made.
    """
    nothing_ahead = False
    port, secret, serving = jvm.PythonRDD.toLocalIteratorAndServe(batches, nothing_ahead)
    # Java waits for a caller for some seconds only.
    connection = socket.create_connection((LOOPBACK, port))
    raw = _Confirming(connection)
    stream: BufferedRWPair[Any] = BufferedRWPair(raw, raw)
    _do_server_auth(stream, secret)
    return _pieces(connection, stream, serving)


def _pieces(connection: socket.socket, stream: BufferedRWPair[Any], serving: JavaObject) -> Iterator[bytes]:
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
