"""The PostgreSQL database of a warehouse that several machines share: its journal, and the lock of its one writer.

Both live where all machines see them. The lock is the database's own, of a connection: it goes with the connection,
however the writer ends. While this process holds it, the journal is written by that very connection; one that was lost
is replaced if nobody else has had the lock since, and else, nothing more is published.
"""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from warehouse.contract.errors import SparkhouseError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

# Of the lock, among all that may be held in the database: a number of ours.
LOCK = 0x5350_4152_4B48
SECONDS_TO_CONNECT = 10
SECONDS_TO_RETURN, SECONDS_BETWEEN_TRIES = 60, 1
# A machine that has vanished is noticed within a minute and a half, and the lock goes with it.
_KEEPALIVES: dict[str, Any] = {"keepalives": 1, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 6}
_NEVER_IDLE = "select set_config(name, '0', false) from pg_settings where name = 'idle_session_timeout'"
_TABLE = """
    create table if not exists sparkhouse_state (
        name text primary key, content text not null, changed_at timestamptz not null default now()
    )
"""


class DatabaseUnreachable(SparkhouseError, RuntimeError):
    """The database does not answer, or lets this user do nothing."""


class LockLost(SparkhouseError, RuntimeError):
    """The connection that held the writers' lock is gone, and another machine may write by now."""


@dataclass
class Database:
    """A database of PostgreSQL, by an address that names neither user nor password (libpq's URI)."""

    address: str
    user: str
    password: str = field(default="", repr=False)
    _writing: psycopg.Connection[Any] | None = field(default=None, init=False, repr=False)
    _claim: tuple[str, str] | None = field(default=None, init=False, repr=False)

    @property
    def sqlalchemy_address(self) -> str:
        """The address for SQLAlchemy, user and password included."""
        who = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}@"
        return self.address.replace("postgresql://", f"postgresql+psycopg://{who}", 1)

    @contextmanager
    def connection(self) -> Iterator[psycopg.Connection[Any]]:
        """Give a connection for a block, of which each statement stands for itself. Raises DatabaseUnreachable."""
        with self._told():
            if self._writing and not self._writing.closed:
                yield self._writing
                return
            with self._connect() as connection:
                yield connection

    def words(self, name: str) -> str | None:
        """Return what is kept under a name, None if nothing is."""
        from psycopg.errors import UndefinedTable

        with self.connection() as connection:
            try:
                found = connection.execute("select content from sparkhouse_state where name = %s", [name]).fetchone()
            except UndefinedTable:  # nobody has ever written
                return None
        return None if found is None else str(found[0])

    def keep(self, name: str, words: str) -> None:
        """Keep words under a name, durable before this returns. Raises LockLost if this process wrote under a lock."""
        with self.writing() as connection:
            connection.execute(
                "insert into sparkhouse_state (name, content) values (%s, %s)"
                " on conflict (name) do update set content = excluded.content, changed_at = now()",
                [name, words],
            )

    def claim(self, name: str, words: str) -> None:
        """Keep words that tell who holds the lock; every holder does so under the same name."""
        self.keep(name, words)
        self._claim = name, words

    def forget(self, name: str) -> None:
        """Keep nothing under a name any more."""
        with self.writing() as connection:
            connection.execute("delete from sparkhouse_state where name = %s", [name])

    @contextmanager
    def writing(self) -> Iterator[psycopg.Connection[Any]]:
        """Give the connection that holds the lock, where one does; without a lock, any. Raises LockLost."""
        import psycopg

        if self._writing is None:
            with self.connection() as connection:
                yield connection
            return
        try:
            yield self._living(self._writing)
        except psycopg.OperationalError as error:
            raise self._lost() from error

    def _living(self, held: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
        """Return the connection with the lock, or another one that has taken it again. Raises LockLost."""
        import psycopg

        try:
            held.execute("select 1")
        except psycopg.OperationalError as error:
            if again := self._taken_again():
                return again
            # What is written from now on is refused, too.
            self._writing = held
            raise self._lost() from error
        return held

    def _taken_again(self) -> psycopg.Connection[Any] | None:
        """Take the lock again, if nobody else has had it since; a database that was started anew answers in a while.

        Who has the lock claims it, so the claim of this process is gone where somebody had.
        """
        until = time.monotonic() + SECONDS_TO_RETURN
        while time.monotonic() < until:
            with suppress(DatabaseUnreachable):
                if not self.locked():
                    return None
                if self._claim and self.words(self._claim[0]) == self._claim[1]:
                    return self._writing
                self.unlock()
                return None
            time.sleep(SECONDS_BETWEEN_TRIES)
        return None

    def _lost(self) -> LockLost:
        return LockLost(
            f"the connection to {self.address} was lost, and with it the writers' lock: another machine may write by "
            "now, so nothing more is published; see that the database runs, and repeat the command"
        )

    def locked(self) -> bool:
        """Take the writers' lock if nobody has it, for as long as this process lives or until `unlock`."""
        with self._told():
            connection = self._connect()
            took = connection.execute("select pg_try_advisory_lock(%s)", [LOCK]).fetchone()
            if not took or not took[0]:
                connection.close()
                return False
            connection.execute(_TABLE)
            # It has nothing to do for hours, and may not be ended for that.
            connection.execute(_NEVER_IDLE)
        self._writing = connection
        return True

    def unlock(self) -> None:
        """Give the lock back."""
        held, self._writing = self._writing, None
        with suppress(OSError):
            if held:
                held.close()

    def is_locked(self) -> bool:
        """Whether somebody holds the lock."""
        with self.connection() as connection:
            held = connection.execute(
                "select 1 from pg_locks where locktype = 'advisory' and granted"
                " and (classid::bigint << 32 | objid::bigint) = %s"
                " and database = (select oid from pg_database where datname = current_database())",
                [LOCK],
            ).fetchone()
        return held is not None

    def _connect(self) -> psycopg.Connection[Any]:
        import psycopg

        return psycopg.connect(
            self.address,
            user=self.user,
            password=self.password or None,
            autocommit=True,
            connect_timeout=SECONDS_TO_CONNECT,
            application_name="sparkhouse",
            **_KEEPALIVES,
        )

    @contextmanager
    def _told(self) -> Iterator[None]:
        import psycopg

        try:
            yield
        except psycopg.Error as error:
            said = " ".join(str(error).split())
            raise DatabaseUnreachable(
                f"the database {self.address} of user {self.user} does not answer as it should: {said}. Check "
                "SPARKHOUSE_DATABASE, its user and its password, and that the server runs"
            ) from error


@dataclass(frozen=True)
class DatabaseRow:
    """A journal's words in the database."""

    database: Database
    name: str = "journal"

    @property
    def place(self) -> str:
        return f"the {self.name} in {self.database.address}"

    def read(self) -> str | None:
        return self.database.words(self.name)

    def replace(self, words: str) -> None:
        self.database.keep(self.name, words)

    def set_aside(self) -> str:
        """Keep the words under another name; return which."""
        aside = f"{self.name}.damaged"
        self.database.keep(aside, self.read() or "")
        self.database.forget(self.name)
        return f"{aside} in {self.database.address}"
