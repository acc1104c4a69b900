"""The shell of SQL: lines in, rows out; what it completes, and what it does with what cannot be answered."""

from __future__ import annotations

import stat
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from cli.runs.server_record import ServerRecord
from cli.servers import sql_shell
from cli.servers.sql_server.door import Question, ServerFailed
from cli.servers.sql_shell import NameCompleter, Shell, is_whole, run_shell
from warehouse.publishing.disk_catalog import DiskCatalog

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

METADATA = """{"current-schema-id": 1, "schemas": [
  {"schema-id": 0, "fields": [{"name": "user_id"}]},
  {"schema-id": 1, "fields": [{"name": "user_id"}, {"name": "level"}]}
]}"""


@pytest.fixture
def catalog(tmp_path: Path) -> DiskCatalog:
    for table in ("marts/dim_users", "raw/events"):
        metadata = tmp_path / "warehouse" / table / "metadata" / "v1.metadata.json"
        metadata.parent.mkdir(parents=True)
        metadata.write_text(METADATA if table == "marts/dim_users" else METADATA.replace("level", "ts"))
    return DiskCatalog(tmp_path / "warehouse")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the server is asked; it answers with the statement, and not at all where that is no SELECT."""
    said: list[str] = []

    def ask(_: ServerRecord, question: Question) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
        said.append(question.statement)
        if not question.statement.startswith(("select", "describe")):
            raise ServerFailed("this only reads")
        return ["said"], iter([(question.statement,)])

    monkeypatch.setattr(sql_shell, "ask", ask)
    return said


@pytest.fixture
def shell(catalog: DiskCatalog) -> Shell:
    return Shell(lambda: ServerRecord(1, "", 2, "key", "127.0.0.1"), catalog)


@pytest.mark.parametrize("text", ["", "  ", r"\d", r"\d marts.dim_users", "select 1;", "select\n1 ; ", "exit"])
def test_a_line_is_done(text: str) -> None:
    assert is_whole(text)


@pytest.mark.parametrize("text", ["select 1", "select ';'\nfrom t", "select 1; --"])
def test_a_statement_goes_on_until_its_semicolon(text: str) -> None:
    assert not is_whole(text)


def test_lines_are_answered_and_remembered_until_the_end(
    shell: Shell, asked: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with create_pipe_input() as typed, create_app_session(input=typed, output=DummyOutput()):
        typed.send_text("select 1\r, 2;\r\\f csv\rselect 3;\r\\q\rselect 4;\r")
        run_shell(shell, tmp_path / "state" / "history")
    assert asked == ["select 1\n, 2;", "select 3;"]
    printed = capsys.readouterr()
    assert printed.out.endswith("said\nselect 3;\n")
    assert "1 rows, " in printed.err
    history = tmp_path / "state" / "history"
    assert "+select 3;" in history.read_text()
    assert stat.S_IMODE(history.stat().st_mode) == 0o600


def test_ctrl_c_gives_up_a_line_and_ctrl_d_ends(shell: Shell, asked: list[str], tmp_path: Path) -> None:
    with create_pipe_input() as typed, create_app_session(input=typed, output=DummyOutput()):
        typed.send_text("select 1\x03select 2;\r\x04")
        run_shell(shell, tmp_path / "history")
    assert asked == ["select 2;"]


def test_what_cannot_be_answered_is_told_and_the_shell_goes_on(
    shell: Shell, asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    for line in ("drop table raw.events;", r"\nothing", r"\f parquet"):
        assert shell.do(line)
    assert capsys.readouterr().err.splitlines() == [
        "this only reads",
        r"this is no command; \? lists them",
        r"\f takes table, csv, json",
    ]
    assert len(asked) == 1


def test_a_statement_that_is_given_up_does_not_end_the_shell(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sql_shell, "ask", interrupted)
    assert shell.do("select 1;")
    assert capsys.readouterr().err == "given up\n"


def test_tables_and_columns_are_listed(shell: Shell, asked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    shell.style = "csv"
    assert shell.do(r"\d")
    assert capsys.readouterr().out == "table\nmarts.dim_users\nraw.events\n"
    assert shell.do(r"\d marts.dim_users;")
    assert asked == ["describe marts.dim_users"]
    assert shell.do(r"\?")
    assert "the columns of a table" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "completed"),
    [
        ("select * from ma", ["marts.dim_users", "max"]),
        ("select le", ["left join"]),
        ("select user_id, level from marts.dim_users where lev", ["level"]),
        ("select * from marts.dim_users where T", ["then"]),
        ("select * from raw.events where t", ["ts", "then"]),
        ("select ", []),
    ],
)
def test_names_and_words_are_completed(catalog: DiskCatalog, text: str, completed: list[str]) -> None:
    found = NameCompleter(catalog).get_completions(Document(text), CompleteEvent())
    assert [each.text for each in found] == completed


def test_a_long_answer_goes_through_a_pager_that_may_be_left(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """`head` stands for somebody who has seen enough after the first line."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("shutil.which", lambda _: "/usr/bin/less")
    started = subprocess.Popen
    monkeypatch.setattr("subprocess.Popen", lambda _, **options: started(["head", "-n", "1"], **options))
    with sql_shell.paged():
        for number in range(1_000_000):
            print(number)
    assert capfd.readouterr().out == "0\n"
