"""What Spark says of a task that was lost on another machine, and what is said of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest

from cli.health.cluster_faults import fault_of_cluster
from cli.health.machine_faults import told_faults
from cli.jobs.dbt import DbtFailed
from cli.machine.home import Home

if TYPE_CHECKING:
    from cli.machine.cluster import Cluster

CLUSTER: Cluster = Mock(places=("/mnt/house",), shared=Path("/mnt/house"))
ABORTED = "org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 2.0 failed 4 times, most "
LOST = f"{ABORTED}recent failure: Lost task 0.3 in stage 2.0 (TID 4) (10.0.0.7 executor 3): "
IN_PYTHON = "org.apache.spark.api.python.PythonException: Traceback (most recent call last):\n  File x\n"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            'java.io.IOException: Cannot run program "/opt/python": error=2, No such file or directory',
            "10.0.0.7, where executors work, cannot run /opt/python: .* SPARKHOUSE_EXECUTOR_PYTHON",
        ),
        (f"{IN_PYTHON}ModuleNotFoundError: No module named 'orjson'", r"10\.0\.0\.7 has no orjson: install"),
        (f"{IN_PYTHON}OSError: [Errno 28] No space left on device", r"A disk on 10\.0\.0\.7, .* is full"),
        ("java.lang.OutOfMemoryError: Java heap space", r"on 10\.0\.0\.7 have run out of memory: set spark\.executor"),
        (
            "ExecutorLostFailure (executor 3 exited caused by a task) Reason: Command exited with code 137",
            "run out of memory",
        ),
        (f"{IN_PYTHON}PermissionError: [Errno 13] Permission denied: '/mnt/x'", "may not read or write all"),
        ("org.apache.spark.SparkException: [PYTHON_VERSION_MISMATCH] Python in worker", "another version than this"),
    ],
)
def test_what_befell_an_executor_is_told_with_its_machine(said: str, told: str, tmp_path: Path) -> None:
    error = DbtFailed(f"{LOST}{said}\n\tat java.base/java.lang.Thread.run(Unknown Source)")
    (message, *_) = told_faults(error, Home(tmp_path, cluster=CLUSTER))
    assert re.search(told, message)
    assert str(tmp_path) not in message, "the state folder is not to blame"
    assert "SPARKHOUSE_DRIVER_MEMORY" not in message


def test_a_file_that_is_here_and_not_there_is_told(tmp_path: Path) -> None:
    log = tmp_path / "log.json"
    text = f"{LOST}{IN_PYTHON}FileNotFoundError: [Errno 2] No such file or directory: '{log}'"
    assert fault_of_cluster(text, ()) is None, "a file that is nowhere is no fault of theirs"
    log.touch()
    told = fault_of_cluster(text, ())
    assert told
    assert told.startswith(f"{log} is here, and not on 10.0.0.7")


def test_what_this_user_may_not_write_where_all_do_is_told_by_its_place(tmp_path: Path) -> None:
    said = "RuntimeIOException: Failed to create file: {}/t/metadata/1.avro (Permission denied)"
    (message, *_) = told_faults(DbtFailed(said.format("/mnt/house")), Home(tmp_path, cluster=CLUSTER))
    assert "may not write all that it has to below /mnt/house" in message
    (message, *_) = told_faults(DbtFailed(said.format(tmp_path)), Home(tmp_path, cluster=CLUSTER))
    assert f"{tmp_path} cannot be written to" in message


def test_a_session_that_the_master_ended_is_told() -> None:
    told = fault_of_cluster("Job aborted due to stage failure: Master removed our application: FAILED", ())
    assert told
    assert "logs" in told


@pytest.mark.parametrize(
    "text",
    ["java.io.IOException: No space left on device", f"{LOST}java.lang.ArithmeticException: / by zero"],
)
def test_what_is_no_fault_of_an_executors_machine_is_left_to_others(text: str) -> None:
    assert fault_of_cluster(text, ()) is None
    assert fault_of_cluster(LOST.replace("executor 3", "executor driver") + "OutOfMemoryError", ()) is None
