"""How commands print: rows in a format, tables and intervals of reports, and what the other end may do to that."""

from __future__ import annotations

import io
import os
import sys
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich import box
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from cli.printing.formats import csv_lines, distinct, escaped, json_lines, table_lines
from warehouse.contract.cells import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from models_ml.evaluation.metrics import Interval

WIDE = 120
PIPE_CLOSED = 141  # 128 + SIGPIPE: what a shell says of `cat` before a `head` that has seen enough


class PlainConsole(Console):
    """A console for text that is data: no markup, nothing highlighted; of a closed pipe the caller hears."""

    def __init__(self, *, stderr: bool = False, width: int | None = None) -> None:
        super().__init__(stderr=stderr, width=width, highlight=False, markup=False, emoji=False)

    def on_broken_pipe(self) -> None:
        """Tell the caller: rich would end the process in its own way."""
        raise BrokenPipeError


def print_rows(columns: Sequence[str], rows: Iterable[Sequence[Any]], style: str) -> None:
    """Print rows to standard output as `table`, `csv` or `json` while they come; held are the first 1,000 of a table.

    Columns that share a name are told apart: `a`, `a_2`. Where nobody reads on, the command ends with PIPE_CLOSED.
    """
    with closed_pipe():
        for line in _lines(distinct(columns), rows, style):
            print(line)


def _lines(columns: Sequence[str], rows: Iterable[Sequence[Any]], style: str) -> Iterator[str]:
    encoding = (sys.stdout.encoding or "utf-8").lower()
    if style == "json":
        return (escaped(line, encoding) for line in json_lines(columns, rows))
    if style == "csv":
        lines = csv_lines(columns, rows)
        # A file gets the text as it is.
        return (visible(line) for line in lines) if sys.stdout.isatty() else lines
    return table_lines(columns, rows, "─" if encoding.startswith("utf") else "-")


def print_table(headers: Sequence[str], rows: Iterable[Sequence[str | Sequence[str]]]) -> None:
    """Print rows of text under their headers; a cell of several lines is a list of them."""
    table = Table(*headers, box=box.SIMPLE_HEAD)
    for row in rows:
        table.add_row(*(visible(text) if isinstance(text, str) else "\n".join(map(visible, text)) for text in row))
    # A file has no width: there, no line has to break.
    with closed_pipe():
        PlainConsole(width=None if sys.stdout.isatty() else WIDE).print(table)


def interval_text(interval: Interval) -> str:
    """A number and its interval."""
    return f"{interval.value:.3f} [{interval.low:.2f}, {interval.high:.2f}]"


@contextmanager
def waiting() -> Iterator[Callable[[Iterator[Any]], Iterator[Any]]]:
    """On a terminal, show that the command works and for how long, until the first row is there.

    Yields the function that waits for the first of some rows, and returns them all.
    """
    columns = (SpinnerColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    console, unseen = PlainConsole(stderr=True), not sys.stderr.isatty()
    with Progress(*columns, console=console, transient=True, disable=unseen) as shown:
        shown.add_task("waiting for the first row; Ctrl-C cancels")

        def first_of(rows: Iterator[Any]) -> Iterator[Any]:
            first = list(islice(rows, 1))
            shown.stop()
            return chain(first, rows)

        yield first_of


@contextmanager
def closed_pipe() -> Iterator[None]:
    """Print all that the block prints, now; end the command quietly where nobody reads on (`| head`)."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError as error:
        _forget_output()
        raise typer.Exit(PIPE_CLOSED) from error


def flush() -> None:
    """Print what is left to print, at the end of the process; where nobody reads on, end it quietly."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _forget_output()
        sys.exit(PIPE_CLOSED)


def _forget_output() -> None:
    # Python flushes once more when it ends.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def accept_all_text() -> None:
    """Let standard output write as an escape what its encoding cannot say, as standard error does.

    Where a service or a shell has closed either (`>&-`), what is printed goes nowhere.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - for as long as the process lasts
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
