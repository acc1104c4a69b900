"""What a client of the server may say, and what Spark is given for it: the guard's, on one published state."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cli.sql.guard import NAMESPACES, NotAQuery, guarded
from warehouse.publishing.reading import newest_snapshots

if TYPE_CHECKING:
    from warehouse.publishing.journal import Journal
    from warehouse.publishing.stored_tables import StoredCatalog

# What drivers send by themselves when somebody connects or opens a list of schemas.
_USE = re.compile(r"use\s+(?:(?:namespace|schema|database)\s+)?(`?)(?P<name>\w+)\1", re.IGNORECASE)
_SHOW_SCHEMAS = re.compile(r"show\s+(?:schemas|databases|namespaces)", re.IGNORECASE)
_SHOW_TABLES = re.compile(r"show\s+tables", re.IGNORECASE)
DEFAULT = "default"


@dataclass(frozen=True)
class Answering:
    """How statements from outside are answered: of which tables, and at most how many rows (None: all)."""

    catalog: StoredCatalog
    journal: Journal
    most_rows: int | None = None

    def sql(self, statement: str, schema: str = DEFAULT) -> str:
        """Return the statement for Spark: it reads the newest published state of all its tables. Raises NotAQuery.

        Tables without a schema are those of the schema that the client is in.
        """
        said = statement.strip().rstrip(";").strip()
        if _SHOW_SCHEMAS.fullmatch(said):
            return "show namespaces"
        if used := _USE.fullmatch(said):
            return _use(used["name"].lower())
        if _SHOW_TABLES.fullmatch(said) and schema in NAMESPACES:
            return self._tables_of(schema)
        query = guarded(statement, schema if schema in NAMESPACES else None)
        if query.listed_namespace:
            return self._tables_of(query.listed_namespace)
        text = query.sql(newest_snapshots(self.catalog, self.journal, query.tables))
        return text if self.most_rows is None or not query.is_query else _limited(text, self.most_rows)

    def _tables_of(self, namespace: str) -> str:
        """The tables of a namespace, their names first, where Hive's clients look: Spark has the namespace there."""
        names = [
            name
            for schema, _, name in (table.name.partition(".") for table in self.catalog.tables)
            if schema == namespace and name.isidentifier()
        ]
        rows = ", ".join(f"('{name}', '{namespace}', false)" for name in names) or "('', '', false)"
        return f"select * from values {rows} as t(tableName, namespace, isTemporary) where tableName != ''"  # noqa: S608


def _use(name: str) -> str:
    if name not in {*NAMESPACES, DEFAULT}:
        raise NotAQuery(f"There is no schema {name}; there are {', '.join(NAMESPACES)}.")
    return f"use `{name}`"


def _limited(text: str, most: int) -> str:
    """The statement, which fails where it has more rows: to leave some out would be to answer something else.

    The limit brings all rows into one partition, where Spark numbers them from 0.
    """
    told = (
        f"The statement has more than {most} rows, the most that this server gives: ask for less, or start it with "
        "another --most-rows"
    )
    rows = f"select * from ({text}) limit {most + 1}"  # noqa: S608 - what the guard has written
    known = f"if(monotonically_increasing_id() < {most}, true, raise_error('{told}') is null)"
    return f"select * from ({rows}) where {known}"  # noqa: S608 - the same
