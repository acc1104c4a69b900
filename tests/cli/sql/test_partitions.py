"""The partitions of a result: all of them, or an error; never fewer rows."""

from __future__ import annotations

import socket
import threading
import time
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest

from cli.sql.partitions import pieces_of
from cli.sql.result import opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

SECRET = "secret"  # noqa: S105 - of this test


def number(value: int) -> bytes:
    return value.to_bytes(4, "big", signed=True)


END = number(-1)
PARTITION = number(1) + number(3) + b"one" + number(3) + b"two" + END


def rows_of(spark: SparkSession, statement: str) -> Iterator[int]:
    """The numbers in the first column of a statement."""
    return (row[0] for row in opened(spark.sql(statement))[1])


def test_elements_come_in_the_order_of_their_partitions_while_they_are_made(spark: SparkSession) -> None:
    assert list(rows_of(spark, "select id from range(0, 100000, 1, 7)")) == list(range(100_000))
    assert list(rows_of(spark, "select id from range(0)")) == []
    endless = rows_of(spark, "select id from range(0, 1000000000000, 1, 2)")
    assert list(islice(endless, 30_000)) == list(range(30_000))


def test_an_error_in_the_middle_is_told_after_the_rows_before_it(spark: SparkSession) -> None:
    found = rows_of(spark, "select if(id = 45000, raise_error('nix'), id) from range(0, 50000, 1, 2)")
    assert next(found) == 0
    with pytest.raises(Exception, match="nix"):
        list(found)


def test_who_reads_no_further_ends_the_job(spark: SparkSession) -> None:
    found = rows_of(spark, "select id from range(0, 1000000000000, 1, 2)")
    assert next(found) == 0
    found.close()  # type: ignore[attr-defined]
    for _ in range(100):
        if not spark.sparkContext.statusTracker().getActiveJobsIds():
            return
        time.sleep(0.1)
    pytest.fail("it works on")


class FakeJava:
    """Serves what pyspark's JVM would, each answer when it is asked for; `PythonRDD` is itself."""

    def __init__(self, *answers: bytes) -> None:
        self.PythonRDD, self._jvm, self._answers = self, self, answers
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    def toLocalIteratorAndServe(self, _batches: object, _ahead: bool) -> tuple[int, str, FakeJava]:  # noqa: N802, FBT001
        return self._listener.getsockname()[1], SECRET, self

    def getResult(self) -> None:  # noqa: N802
        raise ValueError("what Spark says")

    def _serve(self) -> None:
        with self._listener, self._listener.accept()[0] as connection:
            connection.recv(4 + len(SECRET), socket.MSG_WAITALL)
            connection.sendall(number(2) + b"ok")
            for answer in self._answers:
                connection.recv(4, socket.MSG_WAITALL)
                connection.sendall(answer)


def pieces(*answers: bytes) -> Iterator[bytes]:
    java: Any = FakeJava(*answers)
    return pieces_of(None, java)


def test_all_partitions_come_in_their_order() -> None:
    assert list(pieces(PARTITION, number(1) + END, PARTITION, number(0))) == [b"one", b"two", b"one", b"two"]


@pytest.mark.parametrize("last", [b"", number(1)[:2], PARTITION[:-6], PARTITION[:-4]])
def test_java_that_ends_in_the_middle_is_an_error(last: bytes) -> None:
    found = pieces(PARTITION, last)
    assert [next(found), next(found)] == [b"one", b"two"]
    with pytest.raises((ConnectionError, EOFError)):
        list(found)


def test_what_spark_says_is_raised() -> None:
    with pytest.raises(ValueError, match="what Spark says"):
        list(pieces(PARTITION, number(-1)))


def test_who_has_seen_enough_ends_it() -> None:
    found = pieces(PARTITION, number(0))
    assert next(found) == b"one"
    found.close()  # type: ignore[attr-defined]
    assert list(found) == []
