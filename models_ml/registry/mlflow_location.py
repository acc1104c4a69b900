"""Where MLflow's store says that its files are, and how a moved or copied store is made its folder's own.

The SQLite store holds absolute locations: of the experiment, of each run and of each registered version.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from models_ml.errors import NotRelocated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EXPERIMENT = "sparkhouse"
STORE, BACKUP, ARTIFACTS = "mlflow.db", "mlflow.db.before-relocation", "artifacts"
_LOCATIONS = (
    f"select artifact_location from experiments where name = '{EXPERIMENT}'",  # noqa: S608 - a constant
    "select artifact_uri from runs",
    "select source from model_versions",
)
# Types of SQLite that hold texts; a column without a type holds anything.
_TEXT = re.compile("CHAR|CLOB|TEXT|JSON|^$")
# What a path may stand between. A folder whose name only begins or ends alike is another one.
_BEFORE, _AFTER = r"(?:^|(?<=[\"'=:,;\s(\[{]))", r"(?=$|[/\"',;)\]}\\])"


def misplaced(mlflow_folder: Path, home: Path) -> str | None:
    """Return the state folder that the store says it belongs to, if that is not `home`; None where all is in place.

    A store that is missing or cannot be read says nothing: to find damage is the task of others.
    """
    store = mlflow_folder / STORE
    if store.is_file():
        with suppress(sqlite3.Error), closing(_connected(store, "ro")) as connection:
            return next((named for named in _homes(connection, mlflow_folder.name) if not _is_same(named, home)), None)
    return None


def relocate(mlflow_folder: Path, old_home: str, new_home: Path) -> int:
    """Rewrite every text of the store that names `old_home` or what lies below it; return how many there were.

    It is one transaction, after which no location may lie in the old folder. Until it has ended, a copy of the store
    as it was lies beside it. Done again, it finds nothing to do.

    Raises:
        NotRelocated: the store is as it was.
    """
    store, backup = mlflow_folder / STORE, mlflow_folder / BACKUP
    if not store.is_file():
        return 0
    rewrite = _rewriting(str(Path(old_home)), str(new_home))
    try:
        with closing(_connected(store, "rw")) as connection:
            _back_up(connection, backup)
            with connection:
                connection.execute("begin immediate")
                rewritten = sum(_rewrite(connection, table, column, rewrite) for table, column in _texts(connection))
                if str(Path(old_home)) in _homes(connection, mlflow_folder.name):
                    raise sqlite3.IntegrityError("some locations could not be rewritten")
        backup.unlink()
    except (sqlite3.Error, OSError) as error:
        msg = f"{store} still names {old_home} ({error}): see that it is whole and can be written to, then try again"
        raise NotRelocated(msg) from error
    return rewritten


def own_uri(uri: str, mlflow_folder: Path) -> str:
    """Return where a stored artifact lies in this MLflow folder, whichever folder it was stored in.

    So a moved state folder finds its models, and a copied one never reads those of the original. What lies elsewhere,
    on a server or in a bucket, stays where it is; so does all that a server of `$MLFLOW_TRACKING_URI` keeps.
    """
    path = _local_path(uri or "")
    if path is None or os.environ.get("MLFLOW_TRACKING_URI"):
        return uri
    _, found, below = path.rpartition(f"/{mlflow_folder.name}/{ARTIFACTS}/")
    return (mlflow_folder.resolve() / ARTIFACTS / below).as_uri() if found else uri


def _rewriting(old: str, new: str) -> Callable[[str], str]:
    """Return what puts the new folder in the place of the old one: in URIs, paths, and texts that JSON has escaped."""
    forms = {f"file://{of}": f"file://{quote(new)}" for of in (quote(old), old)} | {quote(old): quote(new), old: new}
    forms |= {json.dumps(of)[1:-1]: json.dumps(to)[1:-1] for of, to in forms.items()}
    # Where the new folder lies in the old one, what names the new one is done already.
    done = "".join(f"(?!{re.escape(to[len(of) :])}{_AFTER})" for of, to in forms.items() if to.startswith(f"{of}/"))
    pattern = re.compile(f"{_BEFORE}(?:{'|'.join(map(re.escape, forms))}){_AFTER}{done}")
    return lambda text: pattern.sub(lambda found: forms[found[0]], text)


def _rewrite(connection: sqlite3.Connection, table: str, column: str, rewrite: Callable[[str], str]) -> int:
    rows = connection.execute(f'select rowid, "{column}" from "{table}"')  # noqa: S608 - the store's own names
    texts = [(rowid, text) for rowid, text in rows if isinstance(text, str)]
    changes = [(after, rowid) for rowid, text in texts if (after := rewrite(text)) != text]
    connection.executemany(f'update "{table}" set "{column}" = ? where rowid = ?', changes)  # noqa: S608 - the same
    return len(changes)


def _texts(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    """Table and column of all that may hold a text, whatever tables this version of MLflow has."""
    tables = connection.execute("select name from sqlite_master where type = 'table' and name not like 'sqlite_%'")
    columns = connection.execute
    return [
        (table, name)
        for (table,) in tables.fetchall()
        for name, kind in columns("select name, upper(type) from pragma_table_info(?)", [table]).fetchall()
        if _TEXT.search(kind)
    ]


def _homes(connection: sqlite3.Connection, name: str) -> Iterator[str]:
    """Yield the state folder that each location lies in; those on a server or in a bucket lie in none."""
    for query in _LOCATIONS:
        for (location,) in connection.execute(query):
            home, found, _ = f"{_local_path(location or '') or ''}/".rpartition(f"/{name}/{ARTIFACTS}/")
            if found:
                yield home or "/"


def _local_path(uri: str) -> str | None:
    parts = urlsplit(uri)
    if parts.scheme == "file" and not parts.netloc:
        return unquote(parts.path)
    return uri if uri.startswith("/") else None


def _is_same(named: str, home: Path) -> bool:
    """Whether both are one folder; it may be reached through a link."""
    with suppress(OSError):
        return Path(named).samefile(home)
    return False


def _back_up(connection: sqlite3.Connection, backup: Path) -> None:
    backup.unlink(missing_ok=True)
    with closing(sqlite3.connect(backup)) as copy:
        connection.backup(copy)


def _connected(store: Path, mode: str) -> sqlite3.Connection:
    """Connect to a store that is there; transactions begin where it is said."""
    return sqlite3.connect(f"file:{quote(str(store.resolve()))}?mode={mode}", uri=True, isolation_level=None)
