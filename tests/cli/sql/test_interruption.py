"""A statement that is given up ends, whatever Spark is doing for it, in a process with the product's settings."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.java
SPARKHOUSE = Path(sys.executable).with_name("sparkhouse")
# Adaptive plans run all but the last stage in the call that plans them; of the other the last stage has no end.
ENDLESS = ("select count(*) from range(1000000000000) where id % 7 = 3", "select id from range(1000000000000)")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "SPARKHOUSE_HOME": str(tmp_path)}


@pytest.fixture(params=ENDLESS)
def asked(request: pytest.FixtureRequest) -> list[str]:
    """A command that asks something without an end."""
    return [str(SPARKHOUSE), "sql", request.param, "--format", "csv"]


def test_after_its_time(asked: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(
        [*asked, "--timeout", "6"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=90,
    )
    assert done.returncode == 2
    assert done.stderr == (
        "sparkhouse: the statement was not done within 6 s, and was cancelled: ask for less, or raise --timeout\n"
    )


def test_on_ctrl_c(asked: list[str], environment: dict[str, str]) -> None:
    with subprocess.Popen(
        asked, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(15)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert process.stderr
        assert "Traceback" not in process.stderr.read()


def test_when_nobody_reads_on(environment: dict[str, str]) -> None:
    command = f"'{SPARKHOUSE}' sql '{ENDLESS[1]}' --format csv | head -n 2"
    done = subprocess.run(
        ["/bin/sh", "-c", command], env=environment, capture_output=True, text=True, check=False, timeout=90
    )
    assert (done.stdout, done.stderr) == ("id\n0\n", "")
