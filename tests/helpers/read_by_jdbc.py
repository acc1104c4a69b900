"""A program of its own that reads a SQL server by JDBC, from Python, with the jars that pyspark brings.

    python tests/helpers/read_by_jdbc.py URL QUERY SCHEMA TABLE

Prints JSON: rows, schemas, tables of the schema, columns of the table, as the driver's metadata tell them.
"""

from __future__ import annotations

import json
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import jaydebeapi
import pyspark

JARS = Path(pyspark.__file__).parent / "jars"
DRIVER = "org.apache.hive.jdbc.HiveDriver"


def main(url: str, query: str, schema: str, table: str) -> None:
    with closing(jaydebeapi.connect(DRIVER, url, jars=[str(JARS / "*")])) as connection:
        with closing(connection.cursor()) as cursor:
            cursor.execute(query)
            rows = cursor.fetchall()
        metadata = connection.jconn.getMetaData()
        found = {
            "rows": [[str(value) for value in row] for row in rows],
            "schemas": listed(metadata.getSchemas(), "TABLE_SCHEM"),
            "tables": listed(metadata.getTables(None, schema, "%", None), "TABLE_NAME"),
            "columns": listed(metadata.getColumns(None, schema, table, "%"), "COLUMN_NAME"),
        }
    print(json.dumps(found))


def listed(results: Any, column: str) -> list[str]:  # noqa: ANN401 - a ResultSet of Java
    found = []
    while results.next():
        found.append(str(results.getString(column)))
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])
