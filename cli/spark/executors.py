"""Whether a cluster takes this session and gives it executors, and what to say while it does not."""

from __future__ import annotations

import re
import socket
import sys
import time
from dataclasses import dataclass
from threading import Thread
from typing import TYPE_CHECKING

from cli.machine.cluster import CONF, DRIVER_BIND, DRIVER_HOST, MASTER
from warehouse.contract.errors import SparkhouseError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark import SparkContext

    from cli.machine.cluster import Cluster

STANDALONE = "spark://"
SECONDS_TO_ANSWER = 5
SECONDS_BETWEEN_LOOKS = 5
# Spark's own first word about it comes after 15 seconds.
SECONDS_TO_TELL = 20
SECONDS_OF_PATIENCE = 60
# What Spark names an application that no master has given a name.
UNNAMED = re.compile(r"spark-application-\d+")


class ClusterUnreachable(SparkhouseError, RuntimeError):
    """No master takes this session, this machine has not the address that it gives out, or no executor comes."""


def require_cluster(cluster: Cluster, listen_at: str) -> None:
    """See that this machine has the address that it is to listen at, and that a master answers.

    Spark says so after a minute, and of something else. Raises ClusterUnreachable.
    """
    try:
        _listen(listen_at.strip("[]"))
    except OSError as error:
        raise ClusterUnreachable(
            f"{listen_at} is no address of this machine ({error.strerror}): set {DRIVER_HOST} to one by which "
            f"executors reach it, and {DRIVER_BIND} to the one to listen at, if that is another"
        ) from error
    if not cluster.master.startswith(STANDALONE):
        return
    told = []
    for place in cluster.master.removeprefix(STANDALONE).split(","):
        host, _, port = place.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), SECONDS_TO_ANSWER).close()
        except (OSError, ValueError) as error:
            told.append(f"{place}: {error}")
        else:
            return
    raise ClusterUnreachable(
        f"{MASTER} is {cluster.master}, and nobody answers there ({'; '.join(told)}): start the master, or correct the "
        "variable"
    )


def _listen(address: str) -> None:
    """Listen there for an instant. Raises OSError."""
    family, _, _, _, place = socket.getaddrinfo(address, 0, type=socket.SOCK_STREAM)[0]
    socket.create_server(place[:2], family=family).close()


def require_master(context: SparkContext, cluster: Cluster) -> None:
    """See that a master has taken the session. Raises ClusterUnreachable."""
    if UNNAMED.fullmatch(context.applicationId):
        raise ClusterUnreachable(
            f"{MASTER} is {cluster.master}, and who answers there is no master of Spark {context.version}: name its "
            "port for applications (7077 as a rule), not that of its page, and run the same version there as here"
        )


def watch_executors(context: SparkContext, waits: Callable[[float], None]) -> None:
    """Keep watch beside what this process does, for as long as it lives."""
    Thread(target=keep_watch, args=(context, waits), name="executors", daemon=True).start()


def keep_watch(context: SparkContext, waits: Callable[[float], None]) -> None:
    """Call a function every few seconds while jobs wait and there is no executor, with the seconds since that began."""
    since = None
    while True:
        time.sleep(SECONDS_BETWEEN_LOOKS)
        try:
            waiting = _lacks_executors(context)
        except Exception:  # noqa: BLE001 - Java has ended, or ends: whoever waits for it is told so
            return
        since = (time.monotonic() if since is None else since) if waiting else None
        if since is not None:
            waits(time.monotonic() - since)


def _lacks_executors(context: SparkContext) -> bool:
    tracker = context._jsc.sc().statusTracker()  # noqa: SLF001
    # The driver is listed among them.
    return len(tracker.getActiveJobIds()) > 0 and len(tracker.getExecutorInfos()) <= 1


def no_executors(context: SparkContext, cluster: Cluster, seconds: float) -> str:
    """Say that none has come, and why that may be."""
    settings = context.getConf()
    memory, cores = settings.get("spark.executor.memory", "1g"), settings.get("spark.executor.cores", "all its")
    return (
        f"no executor has come for {seconds:.0f} s. Either {cluster.master} has no room for one (of {memory} and "
        f"{cores} cores: {CONF} names a file that may ask for less), or executors end at once, or they cannot reach "
        f"this machine as {cluster.driver_host} ({DRIVER_HOST}): the master's page and the logs of executors there tell"
    )


@dataclass
class Teller:
    """Tells on standard error that executors are waited for: soon, and again when it has taken twice as long."""

    context: SparkContext
    cluster: Cluster
    next_at: float = SECONDS_TO_TELL

    def __call__(self, seconds: float) -> None:
        if seconds < SECONDS_TO_TELL:
            self.next_at = SECONDS_TO_TELL
        elif seconds >= self.next_at:
            self.next_at = 2 * seconds
            print(f"sparkhouse: waiting: {no_executors(self.context, self.cluster, seconds)}", file=sys.stderr)


@dataclass
class Patience:
    """Ends the jobs that wait for executors for too long, and keeps what is to be said of it."""

    context: SparkContext
    cluster: Cluster
    lost: str = ""

    def __call__(self, seconds: float) -> None:
        if seconds >= SECONDS_OF_PATIENCE:
            self.lost = no_executors(self.context, self.cluster, seconds)
            self.context.cancelAllJobs()
