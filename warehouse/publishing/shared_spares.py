"""Damaged metadata of shared tables, and the spares of them that the database keeps.

The newest metadata file of a table says all that the table is, and the catalog says which file that is. Of each table
the database keeps the file that its newest publication left. Where a table's file is damaged or gone, the spare is put
in its place if it is of that very file; else the table returns to the file before it, and without that to the spare.
"""

from __future__ import annotations

import base64
import gzip
import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from warehouse.publishing.metadata_files import UNREADABLE, parsed
from warehouse.publishing.shared_catalog import CATALOG, SharedTable
from warehouse.publishing.stored_files import read_file, write_file
from warehouse.publishing.stored_tables import DamagedTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from warehouse.publishing.shared_catalog import SharedCatalog

_KEY = "catalog_name = %s and table_namespace = %s and table_name = %s"
_RESTORE = "restore it from a backup of its store"


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
        with suppress(DamagedTable, OSError):
            place = SharedTable(name, catalog).iceberg().metadata_location
            catalog.database.keep(_name(name), Spare(place, read_file(place)).words)


def damages(catalog: SharedCatalog) -> Iterator[tuple[str, str, str]]:
    """Yield the tables that cannot be read by their newest metadata, which files these are, and what to do about it."""
    for table, damage in _damaged(catalog):
        if catalog.address:
            spare = _spare(catalog, table)
            advice = f"restore it, or register the table anew from {spare.place}" if spare else _RESTORE
            yield table.name, catalog.address, f"{damage}: {advice}"
        else:
            place, before = _places(catalog, table)
            remedy = _remedy(catalog, table, place, before)
            yield table.name, place, f"{damage}: {_advice(remedy, place)}"


def restored(catalog: SharedCatalog) -> Iterator[str]:
    """Put damaged metadata right where the database is the catalog; yield what was done.

    The caller holds the writers' lock, and has seen that the place of the tables is the one that others see.
    """
    for table, _ in [] if catalog.address else _damaged(catalog):
        place, before = _places(catalog, table)
        if remedy := _remedy(catalog, table, place, before):
            write_file(remedy.place, remedy.content)
            _lead_to(catalog, table, remedy.place)
            yield f"{table.name} is at {remedy.place} again{'' if remedy.place == place else ', as it was before'}"


def _damaged(catalog: SharedCatalog) -> Iterator[tuple[SharedTable, DamagedTable]]:
    for table in catalog.tables:
        if damage := table.damage:
            yield table, damage


def _advice(remedy: Spare | None, place: str) -> str:
    if remedy is None:
        return _RESTORE
    returns = "puts it back" if remedy.place == place else f"returns to the file before it, {remedy.place}"
    return f"run `sparkhouse doctor --mend`, which {returns}"


def _remedy(catalog: SharedCatalog, table: SharedTable, place: str, before: str | None) -> Spare | None:
    spare = _spare(catalog, table)
    if spare and spare.place == place:
        return spare
    return (_intact(before) if before else None) or spare


def _intact(place: str) -> Spare | None:
    """A file that can be read as metadata, as its own spare."""
    try:
        content = read_file(place)
        return Spare(place, content) if parsed(content)["table-uuid"] else None
    except UNREADABLE:
        return None


def _spare(catalog: SharedCatalog, table: SharedTable) -> Spare | None:
    return Spare.parsed(catalog.database.words(_name(table.name)))


def _places(catalog: SharedCatalog, table: SharedTable) -> tuple[str, str | None]:
    """The newest metadata file of a table, and the one before it, as the database says."""
    with catalog.database.connection() as connection:
        found = connection.execute(
            f"select metadata_location, previous_metadata_location from iceberg_tables where {_KEY}",  # noqa: S608 - ours
            [CATALOG, *table.name.split(".")],
        ).fetchone()
    return found or ("", None)


def _lead_to(catalog: SharedCatalog, table: SharedTable, place: str) -> None:
    with catalog.database.writing() as connection:
        connection.execute(
            f"update iceberg_tables set metadata_location = %s where {_KEY}",  # noqa: S608 - ours
            [place, CATALOG, *table.name.split(".")],
        )


def _name(table: str) -> str:
    return f"metadata of {table}"
