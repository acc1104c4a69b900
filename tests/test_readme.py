"""The README is true: its tree is the tree, its commands run, its tables exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer.main

from cli import app as command_line
from cli.sql.guard import guarded

REPOSITORY = Path(__file__).resolve().parents[1]
README = (REPOSITORY / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
COMMAND_LINES = [line for language, block in BLOCKS if language == "bash" for line in block.strip().splitlines()]
MAKEFILE = (REPOSITORY / "Makefile").read_text()


def words(line: str) -> list[str]:
    """The words of a command, without the variables set before it and the comment after it."""
    split = shlex.split(line, comments=True)
    return split[1:] if "=" in split[0] else split


@pytest.mark.parametrize("line", [line for line in COMMAND_LINES if line.startswith("make ")])
def test_a_make_target_exists(line: str) -> None:
    assert re.search(rf"^{words(line)[1]}:", MAKEFILE, re.MULTILINE)


@pytest.mark.parametrize("line", [line for line in COMMAND_LINES if "sparkhouse" in line])
def test_a_sparkhouse_command_parses(line: str) -> None:
    program, name, *arguments = words(line)
    assert program == ".venv/bin/sparkhouse"
    command = typer.main.get_group(command_line.app).commands[name]
    context = command.make_context(name, arguments)
    if name == "sql":
        guarded(context.params["statement"])


def test_every_code_block_is_of_a_kind_that_is_checked() -> None:
    assert {language for language, _ in BLOCKS} == {"bash", "text"}
    known = re.compile(r"(SPARKHOUSE_HOME=\S+ )?(make|\.venv/bin/(sparkhouse|dbt)) ")
    assert COMMAND_LINES
    assert all(known.match(line) for line in COMMAND_LINES)


def test_the_tree_names_exactly_the_folders_and_files_of_the_top_level() -> None:
    tree = next(block for _, block in BLOCKS if block.startswith("sparkhouse/"))
    named = set(re.findall(r"^[├└]── ([^\s/]+)", tree, re.MULTILINE))
    existing = {path.name for path in REPOSITORY.iterdir()}
    generated = {".git", ".venv", "var", "sparkhouse.egg-info"} | {name for name in existing if name.endswith("_cache")}
    assert named == existing - generated - {".hypothesis"}


def test_the_folders_that_the_tree_names_exist() -> None:
    tree = next(block for _, block in BLOCKS if block.startswith("sparkhouse/"))
    parent = ""
    for line in tree.splitlines()[1:]:
        top, below = re.match(r"^[├└]── (\S+)", line), re.match(r"^[│ ]   [├└]── (\S+)", line)
        if top:
            parent = top[1]
            assert (REPOSITORY / parent).exists(), parent
        elif below:
            assert (REPOSITORY / parent / below[1]).exists(), parent + below[1]


def test_the_two_commands_stand_in_the_first_screen() -> None:
    first_screen = "\n".join(README.splitlines()[:12])
    assert "make run" in first_screen
    assert "make test" in first_screen


def test_ci_calls_the_test_command_of_the_readme() -> None:
    assert "make test" in (REPOSITORY / ".ci" / "run").read_text()


@pytest.mark.parametrize("package", ["expectations", "models_ml", "tests", "warehouse"])
def test_the_readme_of_a_package_names_its_rooms(package: str) -> None:
    folder = REPOSITORY / package
    table = re.findall(r"^\| (`.*?) \|", (folder / "README.md").read_text(), re.MULTILINE)
    named = {name for cell in table for name in re.findall(r"`([\w.]+)`", cell)}
    rooms = {path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith(("_", "."))}
    assert rooms <= named
    assert all((folder / name).exists() for name in named)
