"""Room F: results of any length in little memory, statements of any length that end when they should."""

from __future__ import annotations

import csv
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from commands import run_command

from cli.printing.console import PIPE_CLOSED, print_rows
from cli.sql.interruption import interruptible
from cli.sql.query import reading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

    from cli.machine.home import Home
    from warehouse.publishing.journal import Journal

REPOSITORY = Path(__file__).resolve().parents[2]
ENDLESS = "select sum(id) from range(1000000000000000)"


def resident() -> int:
    """The memory of this process, in megabytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 2**20


@pytest.fixture
def journal(home: Home) -> Journal:
    return home.journal


def test_she_reads_a_million_rows_and_holds_a_few(spark: SparkSession, journal: Journal) -> None:
    (_, rows) = reading("select id, repeat('x', 200) as text from range(1000000)").rows(spark, journal)
    next(rows)
    before, most = resident(), 0
    for number, (each, _) in enumerate(rows, 1):
        assert each == number
        if number % 100_000 == 0:
            most = max(most, resident())
    assert number == 999_999
    assert most - before < 100


def test_he_wants_ten_rows_of_many(spark: SparkSession, journal: Journal) -> None:
    asked = reading("select id from range(10000000) order by id desc", limit=2)
    assert list(asked.rows(spark, journal)[1]) == [(9_999_999,), (9_999_998,)]
    spark.sql("create namespace if not exists raw")
    assert len(list(reading("show tables in raw", limit=1).rows(spark, journal)[1])) <= 1


@pytest.mark.usefixtures("spark")
def test_a_statement_that_takes_too_long_is_cancelled_and_the_session_goes_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    begin = time.monotonic()
    assert run_command("sql", ENDLESS, "--timeout", "2") == 2
    assert time.monotonic() - begin < 30
    told = capsys.readouterr()
    assert told.out == ""
    assert re.fullmatch(r"sparkhouse: the statement was not done within 2 s.*--timeout\n", told.err)
    assert run_command("sql", "select id from range(9)", "--limit", "1", "--format", "csv") == 0
    assert capsys.readouterr().out == "id\n0\n"


def test_she_presses_ctrl_c(spark: SparkSession, journal: Journal) -> None:
    main = threading.get_ident()
    threading.Timer(1, signal.pthread_kill, (main, signal.SIGINT)).start()
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), interruptible(spark):
        list(reading(ENDLESS).rows(spark, journal)[1])
    assert signal.getsignal(signal.SIGINT) is before
    assert list(reading("select 1").rows(spark, journal)[1]) == [(1,)]


# Without Spark: what is printed, and where to


def python(code: str) -> list[str]:
    return [sys.executable, "-c", f"from cli.printing.console import *\nfrom itertools import count\n{code}"]


@pytest.mark.parametrize("style", ["csv", "json", "table"])
def test_he_looks_at_the_head_of_a_long_list(style: str) -> None:
    code = (
        "try:\n"
        f"    print_rows(['n'], ((n,) for n in count()), '{style}')\n"
        "except typer.Exit as ended:\n"
        "    sys.exit(ended.exit_code)"
    )
    with subprocess.Popen(python(code), cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert len(list(islice(process.stdout, 5))) == 5
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == PIPE_CLOSED


def test_a_pipe_that_was_closed_before_a_short_list_ends_quietly_too() -> None:
    reading_end, writing_end = os.pipe()
    os.close(reading_end)
    code = "import sys, cli.app\nsys.argv[1:] = ['features', '--group', 'plan']\ncli.app.main()"
    ended = subprocess.run(python(code), cwd=REPOSITORY, stdout=writing_end, stderr=subprocess.PIPE, check=False)
    os.close(writing_end)
    assert ended.stderr == b""
    assert ended.returncode == PIPE_CLOSED


WAITING = "import time\nwith waiting() as first_of: print(*first_of(iter([time.sleep(0.5) or 'row', 'last'])))"


def test_a_terminal_shows_that_it_works_until_the_first_row_is_there() -> None:
    ours, theirs = pty.openpty()
    process = subprocess.run(python(WAITING), cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=theirs, check=True)
    os.close(theirs)
    seen = os.read(ours, 100_000).decode()
    os.close(ours)
    assert "waiting for the first row" in seen
    assert "0:00:00" in seen
    assert process.stdout == b"row last\n"


def test_a_pipe_hears_nothing_of_it() -> None:
    ended = subprocess.run(python(WAITING), cwd=REPOSITORY, capture_output=True, check=True)
    assert ended.stdout == b"row last\n"
    assert ended.stderr == b""


def test_rows_are_printed_while_they_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "rows.csv"
    with out.open("w", buffering=1) as file:
        monkeypatch.setattr(sys, "stdout", file)

        def rows() -> Iterator[tuple[int]]:
            for number in range(3):
                assert len(out.read_text().splitlines()) == number + 1
                yield (number,)

        print_rows(["n"], rows(), "csv")
    assert list(csv.reader(out.read_text().splitlines())) == [["n"], ["0"], ["1"], ["2"]]
