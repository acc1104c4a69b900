"""Whether a cluster takes a session and gives it executors: told soon, by the variable that is to blame."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest

from cli.machine.cluster import Cluster
from cli.spark import executors
from cli.spark.executors import (
    SECONDS_BETWEEN_LOOKS,
    ClusterUnreachable,
    Patience,
    Teller,
    keep_watch,
    require_cluster,
    require_master,
)
from warehouse.publishing.database import Database

if TYPE_CHECKING:
    from collections.abc import Iterator

CLUSTER = Cluster(
    "spark://127.0.0.1:9", Database("postgresql://db/house", "me"), "/mnt/house", Path("/mnt/house"), "127.0.0.1"
)


@pytest.fixture
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_master_that_nobody_is_is_told_before_spark_starts(listening: int) -> None:
    with pytest.raises(ClusterUnreachable, match=r"SPARKHOUSE_MASTER is spark://127.0.0.1:9, and nobody .*refused"):
        require_cluster(CLUSTER, "127.0.0.1")
    with pytest.raises(ClusterUnreachable, match=r"no-such-host\.invalid:7077: .*; h:port: .*start the master"):
        require_cluster(replace(CLUSTER, master="spark://no-such-host.invalid:7077,h:port"), "127.0.0.1")
    # One of several is enough; others than Spark's own tell by themselves.
    require_cluster(replace(CLUSTER, master=f"spark://127.0.0.1:9,127.0.0.1:{listening}"), "127.0.0.1")
    require_cluster(replace(CLUSTER, master="yarn"), "127.0.0.1")


@pytest.mark.parametrize("address", ["192.0.2.7", "no-such-host.invalid", "2001:db8::7"])
def test_an_address_that_this_machine_has_not_is_told(address: str) -> None:
    with pytest.raises(ClusterUnreachable, match=rf"{address} is no address of this machine .*SPARKHOUSE_DRIVER_BIND"):
        require_cluster(CLUSTER, address)


def test_who_is_no_master_is_told() -> None:
    context = Mock(applicationId="spark-application-1764500000000", version="3.5.9")
    with pytest.raises(ClusterUnreachable, match=r"no master of Spark 3\.5\.9: .*7077"):
        require_master(context, CLUSTER)
    for name in ("app-20261130060540-0001", "application_1764_0001", "spark-0c5e2f4a9b"):
        require_master(Mock(applicationId=name), CLUSTER)


class JavaEnded(Exception):
    """What py4j says."""


def test_jobs_that_wait_for_executors_are_noticed_and_those_that_run_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look finds so many jobs and executors, the driver among these; time passes between looks alone."""
    looks = [(1, 1), (1, 1), (0, 1), (1, 3), (1, 1), (1, 1), (1, 1)]
    context, now = Mock(), [0.0]
    told: list[float] = []
    tracker = context._jsc.sc().statusTracker()  # noqa: SLF001
    found = iter(looks)

    def jobs() -> list[None]:
        look = next(found, None)
        if look is None:
            raise JavaEnded
        tracker.getExecutorInfos.return_value = [None] * look[1]
        return [None] * look[0]

    tracker.getActiveJobIds.side_effect = jobs
    clock = SimpleNamespace(
        sleep=lambda seconds: now.__setitem__(0, now[0] + seconds),
        monotonic=lambda: now[0] - SECONDS_BETWEEN_LOOKS,
    )
    monkeypatch.setattr(executors, "time", clock)
    keep_watch(context, told.append)
    assert told == [0, 5, 0, 5, 10]


def test_waiting_is_told_soon_and_then_ever_more_rarely(capsys: pytest.CaptureFixture[str]) -> None:
    context = Mock()
    context.getConf().get.side_effect = {"spark.executor.memory": "50g", "spark.executor.cores": "4"}.get
    teller = Teller(context, CLUSTER)
    for seconds in (*range(0, 200, 5), *range(0, 30, 5)):
        teller(seconds)
    told = capsys.readouterr().err.splitlines()
    assert [line.partition("no executor has come for ")[2].split(" s.")[0] for line in told] == [
        "20",
        "40",
        "80",
        "160",
        "20",
    ]
    for part in ("spark://127.0.0.1:9 has no room", "of 50g and 4 cores", "as 127.0.0.1 (SPARKHOUSE_DRIVER_HOST)"):
        assert part in told[0]


def test_patience_ends_jobs_after_a_minute() -> None:
    context = Mock()
    patience = Patience(context, CLUSTER)
    patience(55)
    assert not patience.lost
    context.cancelAllJobs.assert_not_called()
    patience(60)
    assert "no executor has come for 60 s" in patience.lost
    context.cancelAllJobs.assert_called_once_with()
