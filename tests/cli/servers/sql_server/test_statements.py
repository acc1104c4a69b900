"""What Spark is given for what a client says."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from attacks import REFUSED, lines

from cli.servers.sql_server.statements import Answering
from cli.sql.guard import NotAQuery, guarded
from warehouse.publishing.disk_catalog import DiskCatalog
from warehouse.publishing.journal import Journal, JournalFile

if TYPE_CHECKING:
    from pathlib import Path

# What drivers say by themselves.
OF_DRIVERS = [
    "use default",
    "USE `marts`",
    "use schema ml;",
    "show databases",
    "SHOW SCHEMAS",
    "show namespaces",
    "use raw",
]


@pytest.fixture
def answering(tmp_path: Path) -> Answering:
    return Answering(
        DiskCatalog(tmp_path / "warehouse"), Journal(JournalFile(tmp_path / "publication.json")), most_rows=3
    )


@pytest.mark.parametrize("statement", OF_DRIVERS)
def test_what_drivers_say_by_themselves_is_answered(answering: Answering, statement: str) -> None:
    assert answering.sql(statement) in {
        "show namespaces",
        *(f"use `{name}`" for name in ("default", "marts", "ml", "raw")),
    }


@pytest.mark.parametrize("statement", [each for each in lines(REFUSED) if each.lower() not in OF_DRIVERS])
def test_all_that_the_guard_refuses_is_refused(answering: Answering, statement: str) -> None:
    with pytest.raises(NotAQuery):
        answering.sql(statement)


def test_another_schema_is_none_to_use(answering: Answering) -> None:
    for statement in ("use elsewhere", "use `a`.`b`", "use marts; drop table raw.events", "use catalog x"):
        with pytest.raises(NotAQuery):
            answering.sql(statement)


def test_tables_are_listed_by_their_names_as_hives_clients_read_them(answering: Answering, tmp_path: Path) -> None:
    assert "('', '', false)" in answering.sql("show tables in marts")
    metadata = tmp_path / "warehouse" / "marts" / "dim_users" / "metadata" / "v1.metadata.json"
    metadata.parent.mkdir(parents=True)
    metadata.write_text("{}")
    assert "values ('dim_users', 'marts', false) as t(tableName" in answering.sql("SHOW TABLES FROM `Marts`")


def test_tables_without_a_schema_are_those_of_the_schema_that_the_client_is_in(answering: Answering) -> None:
    own = "with dim_users as (select * from Dim_Users) select * from dim_users join ml.churn_predictions on true"
    written = answering.sql(own, "marts")
    assert written.count("`marts`.`dim_users`") == 1
    assert "FROM `dim_users` JOIN" in written
    assert "`marts`.`churn_predictions`" not in written
    assert answering.sql("describe dim_users", "marts") == answering.sql("describe marts.dim_users")
    assert answering.sql("Show Tables;", "marts") == answering.sql("show tables in marts")
    for statement in ("select * from dim_users", "describe dim_users", "show tables"):
        with pytest.raises(NotAQuery):
            answering.sql(statement)


@pytest.mark.parametrize("statement", lines(REFUSED))
def test_in_a_schema_nothing_else_is_let_in_than_its_tables(statement: str) -> None:
    with suppress(NotAQuery):
        assert {table.partition(".")[0] for table in guarded(statement, "marts").tables} == {"marts"}


def test_a_query_is_limited_and_a_description_is_not(answering: Answering) -> None:
    assert "limit 4" in answering.sql("select 1")
    assert answering.sql("describe marts.dim_users") == "DESCRIBE `marts`.`dim_users`"
