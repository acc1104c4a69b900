"""Spares of the tables' metadata: in the state folder, and of tables that machines share in the database."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from warehouse.publishing.database import DatabaseUnreachable
from warehouse.publishing.shared_catalog import CatalogUnreachable, SharedCatalog

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cli.machine.home import Home


def keep_spares(home: Home, names: Iterable[str]) -> None:
    """Keep the metadata of tables as a publication has left them."""
    if isinstance(catalog := home.catalog, SharedCatalog):
        from warehouse.publishing import shared_spares

        shared_spares.keep_spares(catalog, names)
        return
    from warehouse.publishing.metadata_backups import keep_backup

    for name in names:
        keep_backup(name, home.warehouse, home.metadata_backups)


def restored(home: Home) -> Iterator[str]:
    """Put damaged metadata right, as far as they can be; yield what was done. The caller holds the writers' lock."""
    if isinstance(catalog := home.catalog, SharedCatalog):
        from warehouse.publishing import shared_spares

        yield from shared_spares.restored(catalog)
        return
    from warehouse.publishing.metadata_backups import restore

    yield from restore(home.warehouse, home.metadata_backups)


def damages(home: Home) -> Iterator[tuple[str, str, str]]:
    """Yield what keeps tables from being read, without Spark: the table, the file, and what to do about it."""
    if isinstance(catalog := home.catalog, SharedCatalog):
        from warehouse.publishing import shared_spares

        yield from shared_spares.damages(catalog)
        return
    from warehouse.publishing.metadata_backups import damaged

    for damage in damaged(home.warehouse, home.metadata_backups):
        yield damage.table, str(damage.path), damage.message


def reported_damages(home: Home, error: str) -> list[str]:
    """Return what to do about the damages that the text of an error is about; none for other errors."""
    from warehouse.publishing.metadata_backups import is_of_metadata, reported_damage

    if home.cluster:
        # What is to be explained may be that the catalog does not answer.
        with suppress(CatalogUnreachable, DatabaseUnreachable):
            return [message for _, _, message in damages(home)] if is_of_metadata(error) else []
        return []
    return [damage.message for damage in reported_damage(error, home.warehouse, home.metadata_backups)]
