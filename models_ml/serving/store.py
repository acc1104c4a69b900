"""The file of the newest publication, read: the web app's only source."""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

from models_ml.portable.model import PortableModel
from models_ml.serving.contents import Publication
from models_ml.serving.store_file import POINTER

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Row = dict[str, Any]


class NothingPublished(Exception):
    """There is no file to read yet: nothing was published, or by a version that wrote none."""


@dataclass(frozen=True, eq=False)
class Store:
    """One publication as it was: whoever holds it reads one state, whatever is published meanwhile."""

    path: Path
    _local: threading.local = field(default_factory=threading.local)

    def rows(self, sql: str, values: Sequence[Any] | Row = ()) -> list[Row]:
        """Return the rows of a query by column name."""
        cursor = self._connection.execute(sql, values)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def row(self, sql: str, values: Sequence[Any] | Row = ()) -> Row | None:
        """Return the first row of a query; None where there is none."""
        return next(iter(self.rows(sql, values)), None)

    @cached_property
    def tables(self) -> frozenset[str]:
        """The names of all tables that have been written: some come with a model, a campaign, a known outcome."""
        return frozenset(each["name"] for each in self.rows("select name from sqlite_schema where type = 'table'"))

    @cached_property
    def publication(self) -> Publication:
        """What this publication is."""
        row = self.row("select * from publication") or {}
        return Publication(**{each.name: row[each.name] for each in fields(Publication)})

    @cached_property
    def model(self) -> PortableModel | None:
        """The champion; None where there is none yet."""
        text = self.publication.model
        return PortableModel.from_json(text) if text else None

    @property
    def etag(self) -> str:
        """What changes with each publication."""
        return self.path.stem

    @property
    def _connection(self) -> sqlite3.Connection:
        """The connection of this thread: it reads alone, and holds no lock."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            uri = f"{self.path.absolute().as_uri()}?mode=ro&immutable=1"
            connection = self._local.connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
        return connection


class Stores:
    """The newest publication of a folder: asked at each request, it is seen as soon as it is there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._newest: Store | None = None

    def newest(self) -> Store:
        """Return the newest file; the same object until there is another. Raises NothingPublished."""
        try:
            name = (self._folder / POINTER).read_text(encoding="utf-8").strip()
        except FileNotFoundError as error:
            raise NothingPublished(f"{self._folder} holds no publication") from error
        with self._lock:
            if self._newest is None or self._newest.path.name != name:
                self._newest = Store(self._folder / name)
            return self._newest
