"""Spares of the metadata of shared tables, in the database: of each table the file that the newest publication left.

The newest metadata file of a table says all that the table is, and the catalog says which file that is. Where it is
damaged or gone, the spare is put in its place; if it is not the same one, as after a run that has not published, the
catalog is led back to the spare.
"""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from warehouse.publishing.shared_catalog import CATALOG

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from warehouse.publishing.shared_catalog import SharedCatalog, SharedTable
    from warehouse.publishing.stored_tables import DamagedTable


@dataclass(frozen=True)
class Spare:
    """A metadata file: where it belongs, and what it says."""

    place: str
    content: bytes

    @classmethod
    def parsed(cls, words: str | None) -> Spare | None:
        """Return what the database keeps of a spare; None where it keeps none."""
        if words is None:
            return None
        kept = json.loads(words)
        return cls(kept["place"], gzip.decompress(base64.b64decode(kept["content"])))

    @property
    def words(self) -> str:
        packed = base64.b64encode(gzip.compress(self.content)).decode()
        return json.dumps({"place": self.place, "content": packed})


def keep_spares(catalog: SharedCatalog, names: Iterable[str]) -> None:
    """Keep the newest metadata files of tables; of one that is damaged, the spare that is there stays."""
    for name in names:
        table = catalog.find(name)
        if table:
            place = table.iceberg().metadata_location
            catalog.database.keep(_name(name), Spare(place, table.bytes_of(place)).words)


def damages(catalog: SharedCatalog) -> Iterator[tuple[str, str, str]]:
    """Yield the tables that cannot be read by their newest metadata, which files these are, and what to do about it."""
    for table, damage in _damaged(catalog):
        spare = _spare(catalog, table)
        yield table.name, spare.place if spare else "", f"{damage}: {_advice(catalog, spare)}"


def _damaged(catalog: SharedCatalog) -> Iterator[tuple[SharedTable, DamagedTable]]:
    for table in catalog.tables:
        if damage := table.damage:
            yield table, damage


def _spare(catalog: SharedCatalog, table: SharedTable) -> Spare | None:
    return Spare.parsed(catalog.database.words(_name(table.name)))


def _advice(catalog: SharedCatalog, spare: Spare | None) -> str:
    if not spare:
        return "no spare of it is kept: restore the file from a backup of its store"
    if catalog.address:
        return f"restore the file, or register the table anew from {spare.place} in its catalog"
    return "run `sparkhouse doctor --mend`, which returns to the newest publication of it"


def restored(catalog: SharedCatalog) -> Iterator[str]:
    """Put damaged metadata right where a spare is kept; yield what was done. The caller holds the writers' lock."""
    for table, _ in _damaged(catalog):
        spare = _spare(catalog, table)
        if spare and not catalog.address:
            table.write_bytes(spare.place, spare.content)
            _lead_to(catalog, table.name, spare.place)
            yield f"{table.name} is at {spare.place} again, as its newest publication left it"


def _lead_to(catalog: SharedCatalog, table: str, place: str) -> None:
    with catalog.database.writing() as connection:
        connection.execute(
            "update iceberg_tables set metadata_location = %s"
            " where catalog_name = %s and table_namespace = %s and table_name = %s",
            [place, CATALOG, *table.split(".")],
        )


def _name(table: str) -> str:
    return f"metadata of {table}"
