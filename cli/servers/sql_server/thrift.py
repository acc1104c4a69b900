"""Spark's Thrift Server in the JVM of this process: its clients' statements are asked for here before they are parsed.

All sessions but the first are those of clients. Their parser, which every statement goes through, hands the text to
`Answering` and parses what comes back; so no client gets past it, by whatever protocol. A client may have no setting of
Spark of its own: with one it could name another folder for the tables.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from cli.spark.java_classes import compiled, made
from warehouse.contract.errors import SparkhouseError

if TYPE_CHECKING:
    from collections.abc import Callable

    from py4j.java_gateway import JavaGateway, JavaObject  # type: ignore[import-untyped]
    from pyspark.sql import SparkSession

    from cli.servers.sql_server.keystore import Keystore
    from cli.servers.sql_server.serving import Serving

logger = logging.getLogger(__name__)
SOURCE = Path(__file__).with_name("SparkhouseSqlServer.java")
AUTHENTICATOR = "hive.server2.custom.authentication.class"
# What Spark and Hive themselves set in the session of a client, and Hive's JDBC driver: how many rows it fetches.
MAY_DIFFER = (
    *("spark.sql.hive.version", "spark.sql.datetime.java8API.enabled", AUTHENTICATOR),
    "hive.server2.thrift.resultset.default.fetch.size",
)
# How an answer begins, for the parser to know one from the other.
ANSWERED, REFUSED = "+", "-"


class _Asked:
    """What the parser calls: with a statement, a setting of the client's own, or none, and its schema."""

    def __init__(self, answer: Callable[[str, str], str]) -> None:
        self._answer = answer

    def apply(self, asked: Any) -> str:  # noqa: ANN401 - an array of Java
        statement, setting, schema = asked[0], asked[1], asked[2]
        if setting is not None:
            return f"{REFUSED}{setting} cannot be set here: leave it out of the connection."
        try:
            return ANSWERED + self._answer(statement, schema)
        except SparkhouseError as error:
            return f"{REFUSED}{error}"
        except Exception:
            logger.exception("a statement could not be looked at")
            return f"{REFUSED}The server could not look at this statement; its log says why."

    class Java:
        implements: ClassVar = ["java.util.function.Function"]


class ClientSessions:
    """What sets up Spark so that clients' statements are those that `answer` gives for them in the schema they are in.

    `answer` raises SparkhouseError for what is not to be answered. The first session is ours, and those of `own`.
    """

    def __init__(self, answer: Callable[[str, str], str]) -> None:
        self._answer = answer
        self._classes: Any = None

    def extensions(self, gateway: JavaGateway) -> JavaObject:
        """Return the function of Java that sets up the first session, and all that are made of it."""
        from pyspark.java_gateway import ensure_callback_server_started

        ensure_callback_server_started(gateway)
        self._classes = compiled(gateway, SOURCE.read_text())
        may_differ = gateway.jvm.java.util.HashSet()
        for name in MAY_DIFFER:
            may_differ.add(name)
        return made(gateway, self._classes, f"{SOURCE.stem}$Extensions", _Asked(self._answer), may_differ)

    def own(self, spark: SparkSession) -> SparkSession:
        """Return a new session of ours, whose statements are not asked for."""
        session = spark.newSession()
        own = self._classes.loadClass(SOURCE.stem).getField("OWN").get(None)
        own.put(session._jsparkSession, "")  # noqa: SLF001 - Java's
        return session

    def let_in_with(self, spark: SparkSession, password: str) -> None:
        """Let `start_thrift`, if it is called in this thread, ask callers for a password."""
        jvm: Any = spark.sparkContext._jvm  # noqa: SLF001
        authenticator = f"{SOURCE.stem}$Authenticator"
        self._classes.loadClass(authenticator).getField("password").set(None, password)
        # Hive takes the name of the class from there, and looks for it where the thread of a caller does.
        jvm.System.setProperty(AUTHENTICATOR, authenticator)
        jvm.Thread.currentThread().setContextClassLoader(self._classes)


def thrift_settings(serving: Serving, keystore: Keystore | None) -> dict[str, str]:
    """Return the settings of Spark by which `start_thrift` listens."""
    hive = {
        "thrift.bind.host": serving.host,
        "thrift.port": f"{serving.port}",
        "logging.operation.enabled": "false",
        "authentication": "CUSTOM" if serving.has_password else "NONE",
    }
    if keystore:
        hive |= {"use.SSL": "true", "keystore.path": str(keystore.path), "keystore.password": keystore.password}
    settings = {f"spark.hadoop.hive.server2.{name}": value for name, value in hive.items()}
    return settings | {
        "spark.sql.thriftServer.queryTimeout": f"{serving.timeout:.0f}s" if serving.timeout else "0",
    }


def start_thrift(spark: SparkSession) -> None:
    """Listen for clients of Hive's protocol."""
    context: Any = spark._jsparkSession.sqlContext()  # noqa: SLF001 - the Thrift Server takes Java's
    jvm: Any = spark.sparkContext._jvm  # noqa: SLF001
    # Hive brings a database of its own, which would leave its log in the working directory.
    jvm.System.setProperty("derby.stream.error.file", os.devnull)
    jvm.org.apache.spark.sql.hive.thriftserver.HiveThriftServer2.startWithContext(context)
