"""Which files are meant: those that are logs by what is in them, and those that were left out."""

from __future__ import annotations

import glob
import os
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from warehouse.landing.archives import unpacked_head
from warehouse.landing.formats.containers import is_shown
from warehouse.landing.formats.content import HEAD, Form, content_of
from warehouse.landing.formats.lines_of_text import folder_keys
from warehouse.landing.logs import NoSuchLog, NotALog, UnreadableLog, printable, why_unreadable
from warehouse.landing.plain_text import head_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_NAMED_AT_MOST = 5
# What a copy that has not ended is called by browsers, Hadoop, rsync, and those who rename a file when it is whole.
_UNFINISHED = ("._copying_", ".crdownload", ".filepart", ".part", ".partial", ".tmp", "~")
_EMPTY = "an empty file"
# A log of 131.8 million bytes has 9.9 million as gzip; its rows as Parquet, with all columns of raw.events, 15.6.
_TIMES_PACKED = 12
_DENSE = {Form.PACKED, Form.ZIP, Form.PARQUET}


@dataclass(frozen=True)
class LeftOut:
    """A file, or a file in an archive, that is no log, and what it is."""

    path: str
    what: str

    def __str__(self) -> str:
        return f"{self.path} ({self.what})"


@dataclass(frozen=True)
class FoundLogs:
    """The absolute paths of logs, each once, sorted; and what lay beside them.

    `keys` are those that the folders of a log name in Hive's way, for its records that lack them. `named` are the logs
    that somebody named one by one: those have to be logs.
    """

    paths: tuple[Path, ...]
    left_out: tuple[LeftOut, ...] = ()
    keys: Mapping[Path, Mapping[str, str]] | None = None
    named: frozenset[Path] = frozenset()

    def keys_of(self, path: Path) -> Mapping[str, str]:
        return (self.keys or {}).get(path, {})


def find_logs(patterns: Iterable[str | Path]) -> FoundLogs:
    """Look for the logs that patterns name: each a file, a folder (all files below it) or a glob.

    What a file is, its content says. Folders and globs pass over hidden names and book-keeping (`.` or `_` in front),
    and what else is no log is left out. So is an empty file beside others. Links are followed, and each file and folder
    is visited once. Raises NoSuchLog for a pattern that names no file, NotALog for a file that is named and is none and
    for a pattern with nothing but such files, UnreadableLog.
    """
    found: dict[Path, Path] = {}
    named: set[Path] = set()
    left_out: dict[Path, str] = {}
    for pattern in patterns:
        logs, others = _readable_matches(Path(pattern).expanduser())
        found |= {path.resolve(): path for path in reversed(logs)}
        named |= {path.resolve() for path in logs if path == Path(pattern).expanduser()}
        left_out |= others
    empty = {path for path in named if _what_else(path) == _EMPTY}
    if empty != set(found):
        left_out |= dict.fromkeys(empty, _EMPTY)
        found = {path: shown for path, shown in found.items() if path not in empty}
    return FoundLogs(
        tuple(sorted(found)),
        tuple(LeftOut(printable(path), what) for path, what in sorted(left_out.items())),
        {path: keys for path, shown in found.items() if (keys := folder_keys(shown))},
        frozenset(named),
    )


def log_bytes(patterns: Iterable[str | Path]) -> int:
    """Return about how many bytes of text the logs have that patterns name; files that cannot be read count nothing.

    Looks at names, sizes and the first bytes. A packed file is taken for as much text as most of its size hold.
    """
    files = {file for pattern in patterns for file in _files_or_none(Path(pattern).expanduser())}
    return sum(map(_text_bytes, files))


def _files_or_none(pattern: Path) -> list[Path]:
    try:
        return [path.resolve() for path in _files_of(pattern)]
    except OSError:
        return []


def _text_bytes(path: Path) -> int:
    try:
        if not path.is_file():
            return 0
        return path.stat().st_size * (_TIMES_PACKED if content_of(head_of(path)).form in _DENSE else 1)
    except (OSError, UnreadableLog):
        return 0


def _readable_matches(pattern: Path) -> tuple[list[Path], dict[Path, str]]:
    try:
        return _matches(pattern)
    except NoSuchLog:
        raise
    except OSError as error:
        raise UnreadableLog(why_unreadable(Path(os.fsdecode(error.filename or pattern)), error)) from error


def _matches(pattern: Path) -> tuple[list[Path], dict[Path, str]]:
    """Return the logs of a pattern, and its other files with what they are."""
    if pattern.is_file():
        if (what := _what_else(pattern)) and what != _EMPTY:
            raise NotALog.of(pattern, what)
        return [pattern], {}
    files = list(_files_of(pattern))
    others = {path: what for path in files if (what := _unfinished(path) or _what_else(path))}
    logs = [path for path in files if path not in others]
    if not files:
        raise NoSuchLog(f"no log file at {printable(pattern)}: name a file, a folder or a glob of files that exist")
    if not logs:
        listed = ", ".join(str(LeftOut(printable(path), what)) for path, what in list(others.items())[:_NAMED_AT_MOST])
        more = f" and {len(others) - _NAMED_AT_MOST:,} more" if len(others) > _NAMED_AT_MOST else ""
        raise NotALog(f"no log at {printable(pattern)}, only {listed}{more}; nothing was ingested")
    return logs, others


def _files_of(pattern: Path) -> Iterator[Path]:
    if pattern.is_dir():
        yield from _below(pattern)
        return
    if pattern.exists():
        yield pattern
        return
    first_any = pattern.parts.index("**") if "**" in pattern.parts else len(pattern.parts)
    start, rest = Path(*pattern.parts[:first_any]), pattern.parts[first_any:]
    seen: set[Path] = set()
    for path in map(Path, sorted(glob.glob(str(start)))):  # noqa: PTH207
        if not is_shown(path.name):
            continue
        if path.is_dir():
            below = [] if path.resolve() in seen else _below(path, seen)
            yield from (file for file in below if fits(file.relative_to(path).parts, rest))
        elif not rest:
            yield path


def fits(parts: Sequence[str], patterns: Sequence[str]) -> bool:
    """Whether a path, or a folder that it lies in, fits a glob. Python's own follows links in circles for hours."""
    if not (parts and patterns):
        return all(pattern == "**" for pattern in patterns)
    if patterns[0] == "**":
        return fits(parts, patterns[1:]) or fits(parts[1:], patterns)
    return fnmatchcase(parts[0], patterns[0]) and fits(parts[1:], patterns[1:])


def _below(folder: Path, seen: set[Path] | None = None) -> Iterator[Path]:
    """Yield the files of a folder and those below it, but of each folder, under whatever names, once."""
    seen = set() if seen is None else seen
    seen.add(folder.resolve())
    for entry in sorted(entry for entry in folder.iterdir() if is_shown(entry.name)):
        if not entry.is_dir() or _is_state_folder(entry):
            yield entry
        elif entry.resolve() not in seen:
            yield from _below(entry, seen)


def _is_state_folder(path: Path) -> bool:
    return (path / "writer.lock").exists() and (path / "warehouse").is_dir()


def _unfinished(path: Path) -> str | None:
    return "a copy that has not ended, by its name" if path.name.lower().endswith(_UNFINISHED) else None


def _what_else(path: Path) -> str | None:
    """Return what a path is that is no log; None for a log."""
    if path.is_dir():
        return "a state folder of Sparkhouse"
    if not path.exists():
        return "a link that leads nowhere" if path.is_symlink() else "gone by now"
    if not path.is_file():
        return "a pipe or a device: save what it gives as a file"
    try:
        return _what_else_by_content(path)
    except FileNotFoundError:
        return "gone by now"


def _what_else_by_content(path: Path) -> str | None:
    content = content_of(head_of(path))
    if content.form is Form.PACKED:
        head, is_sound = unpacked_head(path, content.packing, HEAD)
        if not head:
            return _EMPTY if is_sound else f"{content.what} that breaks off, or is damaged"
        content = content_of(head)
    return None if content.is_log else content.what
