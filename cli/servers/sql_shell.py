"""`sparkhouse sql` without a statement: a shell in which statement after statement is answered by the server.

Lines are read and completed by prompt_toolkit. A statement ends with a semicolon, so it may have many lines; commands
of the shell begin with a backslash and have one.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import typer
from prompt_toolkit import PromptSession
from prompt_toolkit.completion import Completer, Completion
from prompt_toolkit.history import FileHistory
from prompt_toolkit.key_binding import KeyBindings

from cli.printing.console import print_rows
from cli.servers.sql_server.door import Question, ask
from warehouse.contract.cells import LINES, visible
from warehouse.contract.errors import SparkhouseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from prompt_toolkit.completion import CompleteEvent
    from prompt_toolkit.document import Document
    from prompt_toolkit.key_binding.key_processor import KeyPressEvent

    from cli.runs.server_record import ServerRecord
    from warehouse.publishing.stored_tables import StoredCatalog

STYLES = ("table", "csv", "json")
HELP = r"""\d            the tables
\d TABLE      the columns of a table, with what they mean
\f STYLE      print rows as table, csv or json
\?            this help
\q            end (or Ctrl-D)
Anything else is SQL up to a semicolon. Ctrl-C gives up what is typed or asked; Tab completes names."""
WORD = re.compile(r"[\w.]+")
WORDS = (
    *("select", "from", "where", "group by", "order by", "limit", "join", "left join", "using", "with", "having"),
    *("union all", "case", "when", "then", "else", "end", "and", "or", "not", "in", "is null", "between", "like"),
    *("count", "sum", "avg", "min", "max", "desc", "distinct", "as", "on", "over", "partition by", "describe"),
)


@dataclass
class Shell:
    """What a line does; `server` finds, or starts, the server that answers."""

    server: Callable[[], ServerRecord]
    catalog: StoredCatalog
    style: str = "table"
    _commands: Mapping[str, Callable[[str], None]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._commands = {r"\d": self._describe, r"\f": self._choose_style, r"\?": lambda _: print(HELP)}

    def do(self, line: str) -> bool:
        """Do what a line says, and print what comes of it, errors too; return whether the shell goes on."""
        said = line.strip()
        command, _, rest = said.partition(" ")
        if command in {r"\q", "exit", "quit"}:
            return False
        try:
            if said.startswith("\\"):
                self._commands.get(command, _unknown)(rest.strip().rstrip(";"))
            elif said:
                self._answer(said)
        except SparkhouseError as error:
            print(visible(str(error), keep=LINES), file=sys.stderr)
        except KeyboardInterrupt:
            print("given up", file=sys.stderr)
        return True

    def _answer(self, statement: str) -> None:
        started = time.monotonic()
        columns, rows = ask(self.server(), Question(statement))
        counted = Counted(rows)
        with paged():
            print_rows(columns, counted, self.style)
        print(f"{counted.count:,} rows, {time.monotonic() - started:.2f} s", file=sys.stderr)

    def _describe(self, name: str) -> None:
        if name:
            self._answer(f"describe {name}")
            return
        with paged():
            print_rows(["table"], ((table.name,) for table in self.catalog.tables), self.style)

    def _choose_style(self, style: str) -> None:
        if style not in STYLES:
            raise UnknownCommand(rf"\f takes {', '.join(STYLES)}")
        self.style = style


class UnknownCommand(SparkhouseError, ValueError):
    r"""A line that begins with a backslash and is no command of the shell."""


def _unknown(_: str) -> None:
    raise UnknownCommand(r"this is no command; \? lists them")


class Counted:
    """Rows that are counted as they pass."""

    def __init__(self, rows: Iterator[Sequence[Any]]) -> None:
        self._rows, self.count = rows, 0

    def __iter__(self) -> Iterator[Sequence[Any]]:
        for row in self._rows:
            self.count += 1
            yield row


@contextmanager
def paged() -> Iterator[None]:
    """Let what the block prints stand still page by page, where it is more than a terminal shows at once."""
    can_page = sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    less = shutil.which("less") if can_page else None
    if not less:
        yield
        return
    sys.stdout.flush()
    with subprocess.Popen([less, "-FRSX"], stdin=subprocess.PIPE, text=True) as pager:  # noqa: S603 - of the system
        assert pager.stdin  # noqa: S101 - asked for
        # Whoever has seen enough ends the pager: that ends the statement, too.
        with suppress(BrokenPipeError, typer.Exit), redirect_stdout(pager.stdin):
            yield
        with suppress(BrokenPipeError):
            pager.stdin.close()


class NameCompleter(Completer):
    """Completes the names of tables, of the columns of those that the text names, and words of SQL."""

    def __init__(self, catalog: StoredCatalog) -> None:
        self._catalog = catalog

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:  # noqa: ARG002 - as prompt_toolkit calls it
        typed = document.get_word_before_cursor(pattern=WORD)
        for name in self._candidates(document.text):
            if typed and name.lower().startswith(typed.lower()) and name != typed:
                yield Completion(name, start_position=-len(typed))

    def _candidates(self, text: str) -> Iterator[str]:
        tables = {table.name: table for table in self._catalog.tables}
        for name, table in tables.items():
            if name in text:
                yield from table.column_names
        yield from tables
        yield from WORDS


def run_shell(shell: Shell, history: Path) -> None:
    """Read lines from the terminal and do what they say, until the end; they are remembered in a file of the user's."""
    _make_private(history)
    session: PromptSession[str] = PromptSession(
        "sql> ",
        history=FileHistory(str(history)),
        completer=NameCompleter(shell.catalog),
        complete_while_typing=False,
        multiline=True,
        prompt_continuation="...> ",
        key_bindings=_bindings(),
    )
    print(r"A statement ends with a semicolon; \? lists the shell's own commands.", file=sys.stderr)
    with suppress(EOFError):
        while shell.do(_line(session)):
            pass


def _line(session: PromptSession[str]) -> str:
    try:
        return session.prompt()
    except KeyboardInterrupt:
        return ""


def is_whole(text: str) -> bool:
    """Whether a line is done: it is empty, a command, or a statement up to its semicolon."""
    said = text.strip()
    return not said or said.startswith("\\") or said in {"exit", "quit"} or said.endswith(";")


def _bindings() -> KeyBindings:
    bindings = KeyBindings()

    @bindings.add("enter")
    def _enter(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if is_whole(buffer.text):
            buffer.validate_and_handle()
        else:
            buffer.insert_text("\n")

    return bindings


def _make_private(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
