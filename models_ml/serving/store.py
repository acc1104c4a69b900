"""The file of the newest publication, read: the web app's only source."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import suppress
from dataclasses import dataclass, field, fields
from functools import cached_property, wraps
from typing import TYPE_CHECKING, Any

from models_ml.portable.model import PortableModel
from models_ml.serving.contents import Publication
from models_ml.serving.store_file import POINTER

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Concatenate, ParamSpec, TypeVar

    Rest = ParamSpec("Rest")
    Answer = TypeVar("Answer")

Row = dict[str, Any]
# Between the name of a file and its opening two publications at most come in, as a rule; so often it is tried.
TRIES = 10


class NothingPublished(Exception):
    """There is no file to read yet: nothing was published, or by a version that wrote none."""


@dataclass(frozen=True, eq=False)
class Store:
    """One publication as it was: whoever holds it reads one state, whatever is published meanwhile."""

    path: Path
    kept: dict[Any, Any] = field(default_factory=dict)
    _local: threading.local = field(default_factory=threading.local)

    def open(self) -> None:
        """Open the file for this thread, which reads it to the end, also when it is removed meanwhile.

        Raises FileNotFoundError, sqlite3.OperationalError where it is there and cannot be opened.
        """
        try:
            _ = self._connection
        except sqlite3.OperationalError as error:
            if self.path.exists():
                raise
            raise FileNotFoundError(f"{self.path} is gone") from error

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
        held: _Held | None = getattr(self._local, "held", None)
        if held is None:
            uri = f"{self.path.absolute().as_uri()}?mode=ro&immutable=1"
            held = self._local.held = _Held(sqlite3.connect(uri, uri=True, check_same_thread=False))
        return held.connection


@dataclass(frozen=True)
class _Held:
    """A connection that is closed with what holds it, the thread or the store; by itself it waits for the collector."""

    connection: sqlite3.Connection

    def __del__(self) -> None:
        self.connection.close()


def kept_by_store(
    function: Callable[Concatenate[Store, Rest], Answer],
) -> Callable[Concatenate[Store, Rest], Answer]:
    """Let a store keep what a function answers of it, by the other values: so long as somebody holds the store."""

    @wraps(function)
    def answered(store: Store, /, *values: Rest.args, **named: Rest.kwargs) -> Answer:
        key = (function, values, tuple(sorted(named.items())))
        if key not in store.kept:
            store.kept[key] = function(store, *values, **named)
        answer: Answer = store.kept[key]
        return answer

    return answered


class Stores:
    """The newest publication of a folder: asked at each request, it is seen as soon as it is there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._newest: Store | None = None

    def newest(self) -> Store:
        """Return the newest file, open for this thread; the same object until there is another.

        Raises NothingPublished, sqlite3.OperationalError where the file cannot be opened.
        """
        for _ in range(TRIES):
            newest = self._named()
            # What was named may be removed before it is open, by the second publication after it.
            with suppress(FileNotFoundError):
                newest.open()
                return newest
        raise NothingPublished(f"{self._folder / POINTER} names {newest.path.name}, which is not there")

    def _named(self) -> Store:
        with self._lock:
            try:
                name = (self._folder / POINTER).read_text(encoding="utf-8").strip()
            except FileNotFoundError as error:
                raise NothingPublished(f"{self._folder} holds no publication") from error
            if self._newest is None or self._newest.path.name != name:
                self._newest = Store(self._folder / name)
            return self._newest
