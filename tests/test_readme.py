"""The READMEs are true: trees and rooms are those of the folders, commands parse, files of YAML load, links lead on."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import pytest
import typer.main
import yaml
from readmes import PACKAGES, READMES, REPOSITORY, ROOT, Readme, readme

from cli import app as command_line
from cli.sql.guard import guarded
from expectations import limits
from warehouse.landing.reader.mapping_file import load_mapping

if TYPE_CHECKING:
    from pathlib import Path

COMMANDS = typer.main.get_group(command_line.app).commands
LINES = [pytest.param(line, id=f"{each.name}: {line}") for each in READMES for line in each.commands]
YAML_BLOCKS = [pytest.param(block, id=each.name) for each in READMES for block in each.of_kind("yaml")]
TREE = next(block for block in ROOT.of_kind("text") if block.startswith("sparkhouse/"))
MAKEFILE = (REPOSITORY / "Makefile").read_text()
MOST_LINES = 200

every_readme = pytest.mark.parametrize("each", READMES, ids=lambda each: each.name)
every_package = pytest.mark.parametrize("each", PACKAGES, ids=lambda each: each.name)


def folders(parent: Path) -> set[str]:
    return {path.name for path in parent.iterdir() if path.is_dir() and not path.name.startswith(("_", "."))}


@every_readme
def test_every_code_block_is_of_a_kind_that_is_checked(each: Readme) -> None:
    assert {kind for kind, _ in each.blocks} <= {"bash", "python", "text", "yaml"}
    assert each.text.count("```") == 2 * len(each.blocks)


@pytest.mark.parametrize("line", LINES)
def test_a_command_is_one_of_ours(line: str) -> None:
    *settings, program, name = shlex.split(line, comments=True)[: 3 if line.startswith("SPARKHOUSE_HOME=") else 2]
    assert len(settings) <= 1
    if program == "make":
        assert re.search(rf"^{name}:", MAKEFILE, re.MULTILINE)
    else:
        assert program in {".venv/bin/sparkhouse", ".venv/bin/dbt"}


@pytest.mark.parametrize("line", [line for line in LINES if "/sparkhouse " in str(line.values[0])])
def test_a_sparkhouse_command_parses(line: str) -> None:
    arguments = shlex.split(line, comments=True)
    name, *options = arguments[arguments.index(".venv/bin/sparkhouse") + 1 :]
    context = COMMANDS[name].make_context(name, options)
    if name == "sql":
        guarded(context.params["statement"])


@pytest.mark.parametrize("block", YAML_BLOCKS)
def test_a_file_of_yaml_is_one_that_sparkhouse_takes(block: str, tmp_path: Path) -> None:
    """A user's own limits of the gate, or a mapping of a log's keys."""
    file = tmp_path / "example.yml"
    file.write_text(block)
    if {"rules", "outages"} & yaml.safe_load(block).keys():
        own = limits.load(file)
        assert {rule.name for rule in own.rules.values() if rule.origin == str(file)}
        assert own.outages
    else:
        assert load_mapping(file).keys


@every_readme
def test_a_link_leads_to_a_file_and_a_heading_that_exist(each: Readme) -> None:
    for target in each.links:
        file, _, anchor = target.partition("#")
        path = (each.path.parent / file).resolve() if file else each.path
        assert path.is_file(), target
        assert not anchor or anchor in readme(path).anchors, target


def test_every_package_has_a_readme_that_the_root_leads_to() -> None:
    packages = folders(REPOSITORY) - {"var"} - {path.name for path in REPOSITORY.glob("*.egg-info")}
    assert {each.path.parent.name for each in PACKAGES} == packages
    assert {each.name for each in PACKAGES} <= set(ROOT.links)


@every_package
def test_the_readme_of_a_package_names_its_rooms(each: Readme) -> None:
    folder = each.path.parent
    cells = each.first_cells("room") + each.first_cells("folder")
    named = {name for cell in cells for name in re.findall(r"`([\w.]+)`", cell)}
    assert folders(folder) <= named
    assert all((folder / name).exists() for name in named)


def test_the_root_readme_is_short() -> None:
    assert len(ROOT.text.splitlines()) <= MOST_LINES


def test_the_two_commands_stand_in_the_first_screen() -> None:
    first_screen = "\n".join(ROOT.text.splitlines()[:12])
    assert "make run" in first_screen
    assert "make test" in first_screen


def test_ci_calls_the_test_command_of_the_readme() -> None:
    assert "make test" in (REPOSITORY / ".ci" / "run").read_text()


def test_every_command_stands_in_the_table_of_the_root_readme() -> None:
    cells = ROOT.first_cells("command")
    listed = {code.split()[0] for cell in cells for code in re.findall(r"`([^`]+)`", cell)}
    assert listed == set(COMMANDS)


def test_the_tree_names_exactly_the_folders_and_files_of_the_top_level() -> None:
    named = set(re.findall(r"^[├└]── ([^\s/]+)", TREE, re.MULTILINE))
    existing = {path.name for path in REPOSITORY.iterdir()}
    generated = {".git", ".venv", "var", "sparkhouse.egg-info"} | {name for name in existing if name.endswith("_cache")}
    assert named == existing - generated - {".hypothesis"}


def test_the_tree_names_exactly_the_rooms_of_each_package() -> None:
    rooms = dict(re.findall(r"^[├└]── (\w+)/ .*\n[│ ]   └── (.*)$", TREE, re.MULTILINE))
    existing = {each.path.parent.name: folders(each.path.parent) for each in PACKAGES}
    assert {name: set(line.replace("/", "").split()) for name, line in rooms.items()} == {
        name: of_package for name, of_package in existing.items() if of_package
    }
