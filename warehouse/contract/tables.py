"""The tables that Python writes, as dbt's sources describe them: they are created, and widened, from there alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from warehouse.contract.dbt_yaml import MODELS, doc_blocks, loaded, resolved

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pyspark.sql import DataFrame, SparkSession


# The setting of a session that names the branch on which it writes, and reads what it wrote.
BRANCH_OF_SESSION = "spark.wap.branch"
# The property of a table that lets such sessions write to a branch.
BRANCHED = "write.wap.enabled"


@dataclass(frozen=True)
class SourceColumn:
    """One column: its type in Spark SQL, what it means, and whether every row has a value."""

    name: str
    data_type: str
    description: str
    is_required: bool

    @property
    def ddl(self) -> str:
        required = " not null" if self.is_required else ""
        return f"{self.name} {self.data_type}{required} comment {_literal(self.description)}"


@dataclass(frozen=True)
class SourceTable:
    """One table: its columns in order, what its files are parted by, and the properties that Iceberg keeps of it."""

    name: str
    description: str
    columns: tuple[SourceColumn, ...]
    partition_by: tuple[str, ...]
    properties: Mapping[str, str]

    @property
    def kinds(self) -> dict[str, str]:
        """The type of each column by its name."""
        return {column.name: column.data_type for column in self.columns}

    @property
    def ddl(self) -> str:
        """The statement that creates the table where it is missing."""
        columns = ", ".join(column.ddl for column in self.columns)
        properties = ", ".join(f"{_literal(key)} = {_literal(value)}" for key, value in self.properties.items())
        clauses = [
            f"create table if not exists {self.name} ({columns}) using iceberg",
            f"partitioned by ({', '.join(self.partition_by)})" if self.partition_by else "",
            f"comment {_literal(self.description)}",
            f"tblproperties ({properties})" if properties else "",
        ]
        return " ".join(clause for clause in clauses if clause)


def source_table(name: str) -> SourceTable:
    """Return a table of the sources by schema and name. Raises KeyError."""
    return _source_tables()[name]


def source_tables() -> tuple[SourceTable, ...]:
    """Return all tables of the sources."""
    return tuple(_source_tables().values())


def create_or_widen(spark: SparkSession, *names: str) -> None:
    """Create tables where they are missing; those of an earlier version get the columns that they lack.

    A column that is added later has no value in the rows before it, whatever is required of new rows.
    """
    for name in names:
        table = source_table(name)
        if not spark.catalog.tableExists(name):
            spark.sql(f"create namespace if not exists {name.partition('.')[0]}")
            spark.sql(table.ddl)
            continue
        existing = set(spark.table(name).columns)
        lacking = [column for column in table.columns if column.name not in existing]
        if lacking:
            columns = ", ".join(replace(column, is_required=False).ddl for column in lacking)
            spark.sql(f"alter table {name} add columns ({columns})")


def iceberg_table(spark: SparkSession, name: str) -> Any:  # noqa: ANN401 - org.apache.iceberg.Table
    """Return a table as Iceberg's own interface has it, for what SQL has no word for."""
    jvm, session = spark._jvm, spark._jsparkSession  # noqa: SLF001
    # Of a thread that has run no query yet, Iceberg would not find the catalog.
    jvm.SparkSession.setActiveSession(session)  # type: ignore[union-attr]
    return jvm.org.apache.iceberg.spark.Spark3Util.loadIcebergTable(session, name)  # type: ignore[union-attr]


def completed(rows: DataFrame, name: str) -> DataFrame:
    """Return rows of a table with all its columns: NULL in those that a table of an earlier version lacks."""
    from pyspark.sql import functions as F

    lacking = {column: kind for column, kind in source_table(name).kinds.items() if column not in rows.columns}
    return rows.withColumns({column: F.lit(None).cast(kind) for column, kind in lacking.items()})


def in_columns(spark: SparkSession, name: str, rows: Iterable[Mapping[str, Any]]) -> DataFrame:
    """Return rows, given by column name, with the columns of a table: NULL in those that the sources no longer list.

    Raises:
        KeyError: a row lacks a column of the sources.
    """
    listed, schema = source_table(name).kinds, spark.table(name).schema
    values = [tuple(row[column] if column in listed else None for column in schema.names) for row in rows]
    return spark.createDataFrame(values, schema)


def append_rows(spark: SparkSession, name: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Append rows, given by column name, in one commit; the table is created or widened first."""
    create_or_widen(spark, name)
    in_columns(spark, name, rows).coalesce(1).writeTo(name).append()


@cache
def _source_tables() -> dict[str, SourceTable]:
    docs = doc_blocks()
    sources = [source for path in sorted(MODELS.rglob("*__sources.yml")) for source in loaded(path)["sources"]]
    listed = [(f"{source['name']}.{table['name']}", table) for source in sources for table in source["tables"]]
    return {name: _source_table(name, table, docs) for name, table in listed}


def _source_table(name: str, table: dict[str, Any], docs: Mapping[str, str]) -> SourceTable:
    meta = (table.get("config") or {}).get("meta") or {}
    columns = tuple(
        SourceColumn(
            column["name"],
            column["data_type"],
            resolved(column["description"], docs),
            {"type": "not_null"} in column.get("constraints", ()),
        )
        for column in table["columns"]
    )
    properties = {key: str(value) for key, value in (meta.get("properties") or {}).items()}
    return SourceTable(
        name, resolved(table["description"], docs), columns, tuple(meta.get("partition_by") or ()), properties
    )


def _literal(text: str) -> str:
    """A text of Spark SQL."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
