"""The catalog that several machines share, without Spark and without Java: Iceberg's JDBC catalog, Hive's, or REST."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from warehouse.contract.errors import SparkhouseError
from warehouse.publishing.metadata_files import UNREADABLE, packed_like, parsed
from warehouse.publishing.stored_files import read_file, write_file
from warehouse.publishing.stored_tables import PUBLICATIONS, DamagedTable, StoredTable, moves_on_record, parts_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pyiceberg.catalog import Catalog
    from pyiceberg.table import Table

    from warehouse.publishing.database import Database
    from warehouse.publishing.reading import PublishedMove

# What Spark calls the catalog, by which the database knows it.
CATALOG = "spark_catalog"
MOST_SAID = 120


class CatalogUnreachable(SparkhouseError, RuntimeError):
    """The catalog does not answer, or not as it should."""


@dataclass(frozen=True)
class SharedTable(StoredTable):
    """A table by what the catalog says of it."""

    name_: str
    catalog: SharedCatalog = field(repr=False)

    @property
    def name(self) -> str:
        return self.name_

    @property
    def metadata(self) -> dict[str, Any]:
        """What its newest metadata say; nothing where they are missing or damaged, which is told elsewhere."""
        try:
            return self.intact()
        except DamagedTable:
            return {}

    @property
    def damage(self) -> DamagedTable | None:
        """What is wrong with its newest metadata, if something is."""
        try:
            self.intact()
        except DamagedTable as damage:
            return damage
        return None

    def intact(self) -> dict[str, Any]:
        return next(self.metadata_files())[1]

    def metadata_files(self) -> Iterator[tuple[str, dict[str, Any]]]:
        table = self.iceberg()
        yield table.metadata_location, self._content(table.metadata_location)
        for entry in reversed(table.metadata.metadata_log):
            with suppress(DamagedTable):
                yield entry.metadata_file, self._content(entry.metadata_file)

    def iceberg(self) -> Table:
        from pyiceberg.exceptions import NoSuchTableError, ValidationError

        try:
            with self.catalog.told():
                return self.catalog.iceberg.load_table(self.name)
        except NoSuchTableError as error:
            raise DamagedTable(f"{self.name} is no longer in the catalog") from error
        except (OSError, ValueError, ValidationError) as error:
            said = " ".join(str(error).split())[:MOST_SAID]
            raise DamagedTable(f"the newest metadata of {self.name} cannot be read: {said}") from error

    def rewrite(self, metadata: dict[str, Any]) -> None:
        """Let the newest metadata file say something else."""
        place = self.iceberg().metadata_location
        write_file(place, packed_like(read_file(place), metadata))

    def _content(self, place: str) -> dict[str, Any]:
        try:
            content: dict[str, Any] = parsed(read_file(place))
        except UNREADABLE as error:
            raise DamagedTable(f"{place}, the metadata of {self.name}, cannot be read: {error}") from error
        return content


@dataclass(frozen=True)
class SharedCatalog:
    """All tables of the catalog; `address` is Hive's or REST's, empty where the database is the catalog.

    `options` are more of the catalog's settings, such as a token, by the names that Iceberg gives them everywhere.
    """

    database: Database
    address: str = ""
    options: Mapping[str, str] = field(default_factory=dict, repr=False)

    @cached_property
    def iceberg(self) -> Catalog:
        """The catalog as PyIceberg has it."""
        from pyiceberg.catalog import load_catalog

        if not self.address:
            own = {"type": "sql", "uri": self.database.sqlalchemy_address, "pool_pre_ping": "true"}
        else:
            own = {"type": "hive" if self.address.startswith("thrift:") else "rest", "uri": self.address}
        return load_catalog(CATALOG, **{**self.options, **own})

    @contextmanager
    def told(self) -> Iterator[None]:
        """Turn what the catalog's client says of a catalog that does not answer into what to do about it."""
        from pyiceberg.exceptions import NoSuchTableError

        try:
            yield
        except NoSuchTableError:
            raise
        except _client_errors() as error:
            said = " ".join(str(error).split())
            raise CatalogUnreachable(
                f"the catalog {self.address or self.database.address} does not answer as it should: {said}"
            ) from error

    @property
    def tables(self) -> list[SharedTable]:
        with self.told():
            spaces = sorted(space for space in self.iceberg.list_namespaces() if len(space) == 1)
            names = [".".join(name) for space in spaces for name in sorted(self.iceberg.list_tables(space))]
        return [SharedTable(name, self) for name in names]

    @property
    def written(self) -> list[SharedTable]:
        """The same: a table is in the catalog, or is not."""
        return self.tables

    def find(self, name: str) -> SharedTable | None:
        from pyiceberg.exceptions import NoSuchNamespaceError

        parts = parts_of(name)
        with suppress(NoSuchNamespaceError), self.told():
            # Whether it exists, PyIceberg would tell by reading its metadata, which may be damaged.
            if parts and parts in self.iceberg.list_tables(parts[0]):
                return SharedTable(name, self)
        return None

    def make_default_schema(self) -> None:
        """Make the schema in which sessions of Spark and of Hive's clients begin, if the catalog has none."""
        with self.told():
            self.iceberg.create_namespace_if_not_exists("default")

    def moves(self) -> list[PublishedMove]:
        return moves_on_record(self.find(PUBLICATIONS))


def _client_errors() -> tuple[type[Exception], ...]:
    """What PyIceberg's clients raise where nobody answers."""
    from pyiceberg.exceptions import RESTError
    from requests import RequestException
    from sqlalchemy.exc import SQLAlchemyError
    from thrift.Thrift import TException

    return (RESTError, RequestException, SQLAlchemyError, TException)
