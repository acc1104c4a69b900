"""Whether this machine sees the tables' place as others do, or only a folder of the same name.

A machine on which the shared folder is not mounted would write tables that nobody else can read, and take what it does
not see for lost. So the place holds a mark, the database knows it, and every command compares both first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from warehouse.contract.errors import SparkhouseError
from warehouse.publishing.stored_files import read_file, write_file

if TYPE_CHECKING:
    from collections.abc import Iterable

    from warehouse.publishing.database import Database
    from warehouse.publishing.shared_catalog import SharedCatalog

MARK, NAME = "_sparkhouse", "mark of the warehouse"


class PlaceNotShared(SparkhouseError, RuntimeError):
    """The tables' place is not the one that the database knows."""


def require_shared_place(catalog: SharedCatalog, place: str) -> None:
    """Raise PlaceNotShared where a place of the tables is not the one that others write to.

    Before the first table was written, there is nothing to compare.
    """
    address = catalog.database.address
    known, found = catalog.database.words(NAME), _mark(place)
    if known == found or (found is None and not catalog.tables):
        return
    if known is None:
        raise PlaceNotShared(
            f"{place} holds the tables of another database than {address}: correct SPARKHOUSE_DATABASE or "
            "SPARKHOUSE_WAREHOUSE; one warehouse has one database"
        )
    raise PlaceNotShared(
        f"{place} is not, on this machine, the place of the tables of {address}: "
        f"{'it is empty' if found is None else 'it belongs to another database'}. Mount the shared folder here, or "
        f"correct the variable that names it; if it was moved, {MARK} moves with it. Nothing was read or written"
    )


def mark_places(database: Database, places: Iterable[str]) -> None:
    """Mark the places of tables that are about to be written for the first time.

    The caller holds the writers' lock, and has required the places. Killed in the middle, it is done again.
    """
    mark = database.words(NAME)
    if mark is None:
        mark = uuid4().hex
        database.keep(NAME, mark)
    for place in places:
        if _mark(place) is None:
            write_file(f"{place}/{MARK}", mark.encode())


def _mark(place: str) -> str | None:
    try:
        return read_file(f"{place}/{MARK}").decode()
    except FileNotFoundError:
        return None
