"""What the gate has to be told of each feature, and whether it is told of all that there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pyspark.sql.types import BooleanType, NumericType, StringType

from expectations.report import CatalogueMismatch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyspark.sql import DataFrame

# As `null_rule`, in place of a condition.
NEVER, UNRECORDED = "never", "unrecorded"


class FeatureEntry(Protocol):
    """The entry of a feature in a catalogue.

    `lowest` and `highest` bound a number (None: no limit), `allowed` are the values of a string (empty: any). It is
    NULL never, or exactly where the SQL condition `null_rule` holds, or anywhere (`unrecorded`). `alarm` has, by label,
    the reason why this column alone may rank the label very well.
    """

    @property
    def name(self) -> str: ...
    @property
    def lowest(self) -> float | None: ...
    @property
    def highest(self) -> float | None: ...
    @property
    def allowed(self) -> tuple[str, ...]: ...
    @property
    def null_rule(self) -> str: ...
    @property
    def alarm(self) -> Mapping[str, str]: ...


def check_complete(table: DataFrame, name: str, keys: Sequence[str], catalogue: Sequence[FeatureEntry]) -> None:
    """Raise CatalogueMismatch unless the features of a table (not its keys, dates and times) are those told of."""
    columns = [
        field.name
        for field in table.schema
        if isinstance(field.dataType, (NumericType, StringType, BooleanType)) and field.name not in keys
    ]
    entries = [entry.name for entry in catalogue]
    if set(columns) != set(entries):
        without_entry = [column for column in columns if column not in entries]
        raise CatalogueMismatch(name, without_entry, [entry for entry in entries if entry not in columns])
