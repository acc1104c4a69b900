"""The SQL server as its clients meet it: PyHive, SQLAlchemy, beeline with Hive's JDBC driver, and `sparkhouse sql`."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
import sqlalchemy
from attacks import REFUSED, lines
from beeline import beeline
from commands import drop_all_tables, run_command
from pyhive import hive
from pyhive.exc import OperationalError
from readmes import REPOSITORY, readme
from TCLIService import ttypes

from cli.runs.server_record import RECORD, running_server
from cli.servers.sql_server import control
from cli.servers.sql_server.control import start, stop
from cli.servers.sql_server.door import Question, ServerFailed, ServerGone, ask
from cli.servers.sql_server.serving import Serving
from cli.sql.guard import NAMESPACES
from cli.sql.interruption import TookTooLong
from warehouse.publishing.branch import on_branch
from warehouse.publishing.journal import JOURNAL
from warehouse.publishing.publication import Publisher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyspark.sql import SparkSession

    from cli.machine.home import Home
    from cli.runs.server_record import ServerRecord

USERS, EVENTS = "marts.dim_users", "raw.events"
MOST_ROWS = 100
# Drivers say this by themselves.
ANSWERED = {"use raw", "show databases"}
# What Hive and its database leave behind where nobody tells them not to.
OF_HIVE = {"derby.log", "metastore_db", "spark-warehouse"}
ENDLESS = "select count(*) from range(1000000000000) where id % 7 = 3"
KINDS = (
    "select user_id, level, seen_at, share, counts, cast(null as int) as nothing, map('a', 1) as m, "
    "named_struct('a', date'2018-10-01') as s, 1.5d as d, binary('x') as b from marts.dim_users order by user_id"
)


class Warehouse:
    """Tables that are published, and more of them."""

    def __init__(self, spark: SparkSession, home: Home) -> None:
        self.spark, self.publisher = spark, Publisher(spark, home.journal)
        drop_all_tables(spark)
        for schema in NAMESPACES:
            spark.sql(f"create namespace if not exists {schema}")
        spark.sql(
            f"create table {USERS} (user_id string comment 'Id of the user.', level string, seen_at timestamp, "
            "share decimal(18,6), counts array<bigint>) using iceberg comment 'One row per user.'"
        )
        spark.sql(f"create table {EVENTS} (ts bigint) using iceberg")
        self.publish("first", 2)

    def publish(self, run_id: str, user_count: int) -> None:
        self.write(run_id, user_count)
        self.publisher.publish(run_id)

    def write(self, run_id: str, user_count: int) -> None:
        with on_branch(self.spark, run_id):
            self.spark.sql(
                f"insert overwrite {USERS} select string(id), 'paid', timestamp'2018-11-04 05:30:00.000001', 0.5, "
                f"array(id, null) from range({user_count})"
            )


@pytest.fixture(scope="module")
def warehouse(empty_warehouse: SparkSession, home: Home) -> Iterator[Warehouse]:
    yield Warehouse(empty_warehouse, home)
    (home.path / JOURNAL).unlink(missing_ok=True)


@pytest.fixture(scope="module")
def server(warehouse: Warehouse, home: Home) -> Iterator[ServerRecord]:  # noqa: ARG001 - it lists what is there
    yield start(home, Serving(port=0, timeout=15, most_rows=MOST_ROWS))
    stop(home)


@pytest.fixture
def client(server: ServerRecord) -> Iterator[hive.Connection]:
    with closing(hive.connect(server.host, server.port)) as connection:
        yield connection


def rows(client: hive.Connection, statement: str) -> list[tuple[Any, ...]]:
    with closing(client.cursor()) as cursor:
        cursor.execute(statement)
        return [tuple(row) for row in cursor.fetchall()]


def refusal(client: hive.Connection, statement: str) -> str:
    """What a client is told."""
    with pytest.raises(OperationalError) as raised:
        rows(client, statement)
    return str(raised.value.args[0].status.errorMessage)


def answer(server: ServerRecord, statement: str) -> list[tuple[Any, ...]]:
    return list(ask(server, Question(statement))[1])


def test_nothing_lies_about(server: ServerRecord, home: Home) -> None:
    """Neither in the working directory nor in the user's."""
    assert server
    assert not [path for folder in (Path.cwd(), Path.home()) for path in folder.glob("*") if path.name in OF_HIVE]
    assert {path.name for path in home.path.glob("sql-server*")} == {
        "sql-server.lock",
        "sql-server.json",
        "sql-server.log",
    }
    assert (home.path / "sql-server.log").read_text() == ""


def test_pyhive_reads_values_of_all_kinds(client: hive.Connection) -> None:
    found = rows(client, f"select user_id, seen_at, share, counts, true as t from {USERS} order by user_id limit 1")
    assert [str(value) for value in found[0]] == ["0", "2018-11-04 05:30:00.000001", "0.500000", "[0,null]", "True"]


# What a client has read, where it has read what is there.
ALL = {
    "rows": [("0", "paid"), ("1", "paid")],
    "schemas": set(NAMESPACES),
    "tables": {"dim_users"},
    "columns": ["user_id", "level", "seen_at", "share", "counts"],
}
QUERY = f"select user_id, level from {USERS} order by user_id limit 2"


def read_by_pyhive(server: ServerRecord) -> dict[str, Any]:
    with closing(hive.connect(server.host, server.port)) as client:
        return {
            "rows": rows(client, QUERY),
            "schemas": {name for (name,) in rows(client, "show schemas")} - {"default"},
            "tables": {name for name, _, _ in rows(client, "show tables in marts")},
            "columns": [name for name, _, _ in rows(client, f"describe {USERS}")],
        }


def read_by_sqlalchemy(server: ServerRecord) -> dict[str, Any]:
    engine = sqlalchemy.create_engine(f"hive://{server.host}:{server.port}/marts")
    inspector = sqlalchemy.inspect(engine)
    with engine.connect() as connection:
        return {
            "rows": [tuple(row) for row in connection.execute(sqlalchemy.text(QUERY))],
            "schemas": set(inspector.get_schema_names()) - {"default"},
            "tables": set(inspector.get_table_names("marts")) & set(inspector.get_table_names()),
            "columns": [column["name"] for column in inspector.get_columns("dim_users")],
        }


def read_by_beeline(server: ServerRecord) -> dict[str, Any]:
    """Its own commands ask for what JDBC calls the metadata of a database."""
    said = [f"{QUERY};", "!metadata getSchemas", "!tables", "!columns dim_users", "!quit"]
    done = beeline("-u", f"jdbc:hive2://{server.host}:{server.port}/marts", said="\n".join(said))
    lines = [line.rpartition("> ")[2].split(",") for line in done.stdout.splitlines()]
    begin = {line[0]: number for number, line in enumerate(lines)}
    assert {"user_id", "TABLE_SCHEM", "TABLE_CAT"} <= begin.keys(), (done.stdout, done.stderr)
    first = begin["user_id"] + 1
    return {
        "rows": [tuple(line) for line in lines[first : first + 2]],
        "schemas": {line[0] for line in lines[begin["TABLE_SCHEM"] + 1 :] if len(line) == 2}
        - {"default", "global_temp"},
        "tables": {line[2] for line in lines if line[1:2] == ["marts"] and line[3:4] == ["TABLE"]},
        "columns": [line[3] for line in lines if line[1:3] == ["marts", "dim_users"] and line[3:4] != ["TABLE"]],
    }


def read_by_jaydebeapi(server: ServerRecord) -> dict[str, Any]:
    """In a process of its own, as it has Java in it."""
    url = f"jdbc:hive2://{server.host}:{server.port}/marts"
    program = REPOSITORY / "tests" / "helpers" / "read_by_jdbc.py"
    done = subprocess.run(
        [sys.executable, program, url, QUERY, "marts", "dim_users"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    return {
        "rows": [tuple(row) for row in found["rows"]],
        "schemas": set(found["schemas"]) - {"default", "global_temp"},
        "tables": set(found["tables"]),
        "columns": found["columns"],
    }


READERS = {
    "PyHive": read_by_pyhive,
    "SQLAlchemy": read_by_sqlalchemy,
    "beeline": read_by_beeline,
    "jaydebeapi": read_by_jaydebeapi,
}


@pytest.mark.parametrize("name", READERS)
def test_a_client_reads_what_the_table_of_clients_says(server: ServerRecord, name: str) -> None:
    table = readme(REPOSITORY / "cli" / "README.md").text.partition("| client |")[2].partition("\n\n")[0]
    (line,) = [line for line in table.splitlines() if line.startswith(f"| {name},")]
    said = line.rstrip(" |").rpartition("| ")[2].split(", ")
    found = READERS[name](server)
    assert {kind: found[kind] for kind in said} == ALL


def test_the_calls_of_bi_tools_list_schemas_tables_and_columns(client: hive.Connection) -> None:
    session, ask_server = client._sessionHandle, client._client  # noqa: SLF001 - PyHive has no way to these calls

    def listed(call: Callable[[Any], Any], request: Any) -> list[list[Any]]:  # noqa: ANN401 - of Thrift
        request.sessionHandle = session
        handle = call(request).operationHandle
        fetched = ask_server.FetchResults(ttypes.TFetchResultsReq(handle, ttypes.TFetchOrientation.FETCH_NEXT, 1000))
        return [
            next(vars(column)[kind].values for kind in vars(column) if vars(column)[kind])
            for column in fetched.results.columns
        ]

    schemas, _ = listed(ask_server.GetSchemas, ttypes.TGetSchemasReq(schemaName="%"))
    assert {"marts", "raw", "ml"} <= set(schemas)
    _, _, names, kinds, told = listed(ask_server.GetTables, ttypes.TGetTablesReq(schemaName="marts", tableName="%"))[:5]
    assert (names, kinds, told) == (["dim_users"], ["TABLE"], ["One row per user."])
    columns = listed(ask_server.GetColumns, ttypes.TGetColumnsReq(schemaName="marts", tableName="dim_users"))
    assert columns[3] == ["user_id", "level", "seen_at", "share", "counts"]
    assert columns[5] == ["STRING", "STRING", "TIMESTAMP", "DECIMAL(18,6)", "ARRAY<BIGINT>"]
    assert columns[11][0] == "Id of the user."


def test_a_publication_is_seen_at_once_and_nothing_before_it(
    server: ServerRecord, client: hive.Connection, warehouse: Warehouse
) -> None:
    count = f"select count(*) from {USERS}"
    warehouse.publish("seen", 3)
    assert rows(client, count) == answer(server, count) == [(3,)]
    warehouse.write("unseen", 5)
    assert rows(client, count) == answer(server, count) == [(3,)]
    assert list(ask(server, Question(count, run_id="unseen"))[1]) == [(5,)]
    assert list(ask(server, Question(count, as_of="first"))[1]) == [(2,)]
    warehouse.publisher.publish("unseen")
    assert rows(client, count) == answer(server, count) == [(5,)]


def test_what_the_guard_refuses_is_refused_at_both_doors(server: ServerRecord, client: hive.Connection) -> None:
    for statement in lines(REFUSED):
        with pytest.raises(ServerFailed):
            answer(server, statement)
        if statement not in ANSWERED:
            assert refusal(client, statement).startswith("Error running query: "), statement
    assert "Give one SELECT" in refusal(client, "drop table raw.events")
    assert rows(client, f"select count(*) from {EVENTS}") == [(0,)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("spark.sql.catalog.spark_catalog.warehouse", "/elsewhere"),
        ("spark.wap.branch", "unseen"),
        ("spark.sql.ansi.enabled", "true"),
        ("fs.file.impl", "java.lang.String"),
    ],
)
def test_a_client_has_no_setting_of_its_own(server: ServerRecord, name: str, value: str) -> None:
    with pytest.raises(OperationalError) as raised:
        hive.connect(server.host, server.port, configuration={f"set:hiveconf:{name}": value})
    assert f"{name} cannot be set here" in str(raised.value)


def test_more_rows_than_the_server_gives_are_an_error_and_not_fewer_rows(client: hive.Connection) -> None:
    assert len(rows(client, f"select id from range({MOST_ROWS}) order by id desc")) == MOST_ROWS
    assert f"more than {MOST_ROWS} rows" in refusal(client, f"select id from range({MOST_ROWS + 1})")


def test_a_statement_of_a_client_ends_after_its_time(client: hive.Connection) -> None:
    started = time.monotonic()
    assert "TIMEDOUT" in refusal(client, ENDLESS)
    assert time.monotonic() - started < 60


def work_of(server: ServerRecord) -> int:
    """Ticks of processor time that the server and its Java have used."""
    used = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        fields = stat.read_text().rpartition(")")[2].split()
        if int(fields[3]) == server.pid:
            used += int(fields[11]) + int(fields[12])
    return used


def test_a_question_that_nobody_waits_for_is_given_up(server: ServerRecord) -> None:
    with pytest.raises(TookTooLong, match="raise --timeout"):
        list(ask(server, Question(ENDLESS), 2)[1])
    for _ in range(20):
        before = work_of(server)
        time.sleep(1)
        if work_of(server) - before < 50:
            return
    pytest.fail("the server works on")


@pytest.mark.parametrize("style", ["table", "csv", "json"])
def test_sparkhouse_sql_prints_the_same_by_the_server_and_without(
    server: ServerRecord, style: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert server
    for statement in (KINDS, "describe marts.dim_users", "show tables in raw", "select 1 as a, 2 as a limit 0"):
        assert run_command("sql", statement, "--format", style) == 0
        by_server = capsys.readouterr().out
        with monkeypatch.context() as without:
            without.setattr("cli.commands.answers.running_server", lambda _: None)
            assert run_command("sql", statement, "--format", style) == 0
        assert by_server == capsys.readouterr().out


def test_sparkhouse_sql_writes_the_same_parquet_by_the_server_and_without(
    server: ServerRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert server
    by_server, without = tmp_path / "by_server.parquet", tmp_path / "without.parquet"
    assert run_command("sql", KINDS, "--format", "parquet", "--out", str(by_server)) == 0
    monkeypatch.setattr("cli.commands.answers.running_server", lambda _: None)
    assert run_command("sql", KINDS, "--format", "parquet", "--out", str(without)) == 0
    table = pq.read_table(by_server)
    assert table.equals(pq.read_table(without))
    first = table.to_pylist()[0]
    assert first["seen_at"].isoformat() == "2018-11-04T05:30:00.000001+00:00"
    assert (str(first["share"]), first["counts"], first["nothing"]) == ("0.500000", [0, None], None)
    assert sorted(tmp_path.iterdir()) == [by_server, without]


def test_a_statement_comes_from_a_file_and_from_standard_input(
    server: ServerRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert server
    file = tmp_path / "q.sql"
    file.write_text("-- Of Björk.\nselect 'Björk' as name;\n", encoding="utf-8")
    assert run_command("sql", "--file", str(file), "--format", "csv") == 0
    monkeypatch.setattr("sys.stdin", StringIO("select 2 as two"))
    assert run_command("sql", "--format", "csv") == 0
    assert capsys.readouterr().out == "name\nBjörk\ntwo\n2\n"


@pytest.mark.parametrize(
    "arguments",
    [["select 1", "--format", "parquet"], ["select 1", "--out", "x.csv"], ["select 1", "--file", "q.sql"]],
)
def test_options_that_do_not_go_together_are_told(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("sql", *arguments) == 2
    assert "go together" in (told := capsys.readouterr().err) or "not both" in told


def test_the_shell_answers_on_a_terminal(server: ServerRecord, home: Home) -> None:
    assert server
    own, theirs = pty.openpty()
    shell = subprocess.Popen(
        [Path(sys.executable).with_name("sparkhouse"), "sql"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env={**os.environ, "TERM": "dumb"},
    )
    os.write(own, b"select 20 +\r22 as answer;\r\\d marts.dim_users\r\\q\r")
    assert shell.wait(60) == 0
    printed = os.read(own, 100_000).decode()
    assert re.search(r"answer\s+─+\s+42", printed), printed
    assert "Id of the user." in printed
    assert "22 as answer;" in home.sql_history.read_text()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["drop table raw.events"], "this command only reads"),
        (["select nothing from marts.dim_users"], "nothing"),
        (["select 1", "--as-of", "no-such-run"], "is neither a run"),
        (["select 1", "--as-of", "first", "--run", "first"], "give one of them"),
        ([ENDLESS, "--timeout", "0.5"], "raise --timeout"),
    ],
)
def test_what_cannot_be_answered_is_told_as_without_a_server(
    server: ServerRecord, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert server
    assert run_command("sql", *arguments) == 2
    assert told in capsys.readouterr().err


def test_who_does_not_know_the_key_is_sent_away(server: ServerRecord) -> None:
    with pytest.raises(ServerGone):
        ask(replace(server, key="another"), Question("select 1"))
    assert answer(server, "select 1") == [(1,)]


def test_it_is_started_once_and_says_where_it_is(server: ServerRecord, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("sql-server", "start", "--port", str(server.port)) == 0
    assert run_command("sql-server", "status") == 0
    printed = capsys.readouterr().out
    assert printed.count(f"jdbc:hive2://127.0.0.1:{server.port}/, process {server.pid}, since ") == 2
    assert "MB of memory" in printed
    assert run_command("sql-server", "start", "--port", "1") == 2
    assert "`sparkhouse sql-server stop` ends it" in capsys.readouterr().err


def test_a_server_that_ends_by_itself_and_one_that_cannot_start(
    home: Home, server: ServerRecord, tmp_path: Path
) -> None:
    """In a state folder of their own."""
    with pytest.raises(control.ServerDidNotStart, match=f"nobody can listen on .*{server.port}"):
        start(replace(home, path=tmp_path), Serving(port=server.port))
    environment = {**os.environ, "SPARKHOUSE_HOME": str(tmp_path), "SPARKHOUSE_SQL_IDLE_MINUTES": "0.05"}
    asked = subprocess.run(
        [Path(sys.executable).with_name("sparkhouse"), "sql", "select 7 as seven", "--format", "csv"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert asked.stdout == "seven\n7\n", asked.stderr
    for _ in range(300):
        if not running_server(tmp_path):
            break
        time.sleep(0.1)
    assert not (tmp_path / RECORD).exists()
