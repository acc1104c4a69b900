"""The published tables of a Sparkhouse as Arrow, pandas or polars: no Spark, no Java, no change to the process.

    import sparkhouse

    risks = sparkhouse.read("ml.churn_predictions", where="as_of_date = '2018-11-26'", to="pandas")

The state folder is `$SPARKHOUSE_HOME`, `./var` if unset, as of the command line. All errors are `SparkhouseError`.
"""

from __future__ import annotations

from sparkhouse.reading import NoSuchTable, TableState, read, tables
from warehouse.contract.errors import SparkhouseError

__all__ = ["NoSuchTable", "SparkhouseError", "TableState", "read", "tables"]
