"""The house rules that a machine can check: import arrows, one place for Spark, what git tracks."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from cli.health.licences import LOCK, PIN

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet

REPOSITORY = Path(__file__).resolve().parents[1]
MAY_IMPORT = {
    "cli": {"cli", "expectations", "models_ml", "warehouse"},
    "expectations": {"expectations", "warehouse.contract"},
    "models_ml": {"models_ml", "warehouse.contract"},
    "warehouse": {"warehouse"},
    "warehouse/contract": {"warehouse.contract"},
}
# The rooms of a package, the upper floors first: each imports only what lies below its own floor. "" are the modules
# that lie in no room: what all other rooms stand on, or the way in of the command line.
FLOORS = {
    "cli": [
        [""],
        ["commands"],
        ["health", "library", "proof", "servers"],
        ["jobs"],
        ["sql"],
        ["printing"],
        ["runs"],
        ["spark"],
        ["machine"],
    ],
    "expectations": [
        ["gate"],
        ["engine", "suites"],
        ["custom"],
        ["measures"],
        [""],
    ],
    "models_ml": [
        ["experiments", "serving"],
        ["scoring", "training"],
        ["registry"],
        ["reports"],
        ["campaigns", "monitoring"],
        ["evaluation"],
        ["dataset"],
        ["portable", "spec"],
        [""],
    ],
    "warehouse": [
        ["landing", "publishing"],
        ["contract"],
    ],
}
# What some rooms may import beside Python's own library; shap is imported where contributions of trees are asked for.
LIGHT = {"portable": {"numpy", "scipy", "shap"}, "spec": {"yaml", "warehouse"}}
STANDARD = {*sys.stdlib_module_names, "__future__"}


def imports_of(path: Path) -> set[str]:
    """The names of all modules that a file imports, at any depth; of `from a import b`, a.b: that may be a module."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: imports are absolute"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("package", sorted(MAY_IMPORT))
def test_a_package_imports_only_what_the_design_allows(package: str) -> None:
    files = sorted((REPOSITORY / package).rglob("*.py"))
    assert files
    for path in files:
        ours = {name for name in imports_of(path) if name.split(".")[0] in MAY_IMPORT}
        foreign = {name for name in ours if not any(f"{name}.".startswith(f"{each}.") for each in MAY_IMPORT[package])}
        assert not foreign, f"{path.relative_to(REPOSITORY)} imports {foreign}"


def room_of(name: str) -> str:
    """The room of a module, by its dotted name; a module may be a room of its own."""
    package, module = name.split(".")[:2]
    return module if any(module in rooms for rooms in FLOORS[package]) else ""


def files_of(package: str, room: str) -> list[Path]:
    folder = REPOSITORY / package
    files = [path for path in folder.rglob("*.py") if path.name != "__init__.py"]
    return [path for path in files if room_of(".".join(path.relative_to(REPOSITORY).with_suffix("").parts)) == room]


ROOMS = [(package, floor, room) for package, floors in FLOORS.items() for floor, of in enumerate(floors) for room in of]


@pytest.mark.parametrize(("package", "floor", "room"), ROOMS)
def test_a_room_imports_only_rooms_below_it(package: str, floor: int, room: str) -> None:
    below = {each for rooms in FLOORS[package][floor + 1 :] for each in rooms} | {room}
    files = files_of(package, room)
    assert files
    for path in files:
        ours = {name for name in imports_of(path) if name.startswith(f"{package}.")}
        above = {name for name in ours if room_of(name) not in below}
        assert not above, f"{path.relative_to(REPOSITORY)} imports {above}"


@pytest.mark.parametrize("package", sorted(FLOORS))
def test_every_room_has_its_floor(package: str) -> None:
    rooms = {path.name for path in (REPOSITORY / package).iterdir() if (path / "__init__.py").is_file()}
    listed = {room for floor in FLOORS[package] for room in floor} - {""}
    assert rooms == {room for room in listed if not (REPOSITORY / package / f"{room}.py").is_file()}


@pytest.mark.parametrize("package", sorted(FLOORS))
def test_a_test_lies_in_the_room_of_what_it_tests(package: str) -> None:
    tests = REPOSITORY / "tests" / package
    folders = {path.parent.relative_to(tests) for path in tests.rglob("test_*.py")}
    assert folders
    assert not [folder for folder in folders if not (REPOSITORY / package / folder).is_dir()]


@pytest.mark.parametrize(("room", "others"), sorted(LIGHT.items()))
def test_a_light_room_imports_no_heavy_library(room: str, others: set[str]) -> None:
    """What the command line takes its choices from, and what scores without Spark, starts at once."""
    for path in (REPOSITORY / "models_ml" / room).glob("*.py"):
        foreign = {name.split(".")[0] for name in imports_of(path)} - STANDARD - {"models_ml"}
        assert foreign <= others, path.name


def test_only_the_session_module_builds_a_spark_session() -> None:
    product = {path for package in MAY_IMPORT for path in (REPOSITORY / package).rglob("*.py")}
    builders = [path for path in sorted(product) if "SparkSession.builder" in path.read_text()]
    assert builders == [REPOSITORY / "cli" / "spark" / "session.py"]


def tracked_files() -> list[Path]:
    if not (REPOSITORY / ".git").exists():
        pytest.skip("not a git checkout: what git tracks is unknown")
    listed = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return [REPOSITORY / name for name in listed.stdout.splitlines()]


def test_the_lock_file_pins_every_package_by_hash_and_names_no_index() -> None:
    lock = (REPOSITORY / "requirements.lock").read_text()
    pins = re.findall(r"^[a-zA-Z0-9_.-]+==[^\n]*\n(    --hash=sha256:)?", lock, re.MULTILINE)
    assert len(pins) > 100
    assert all(pins)
    assert "index-url" not in lock


def asked_for(table: str) -> dict[str, SpecifierSet]:
    """The names and versions in a list of pyproject.toml, read as text: Python 3.10 brings no TOML parser."""
    listed = re.search(
        rf"^{table} = \[\n(.*?)^\]", (REPOSITORY / "pyproject.toml").read_text(), re.MULTILINE | re.DOTALL
    )
    assert listed, f"pyproject.toml has no list {table}"
    requirements = [Requirement(text) for text in re.findall(r'^    "(.+)",$', listed[1], re.MULTILINE)]
    return {canonicalize_name(requirement.name): requirement.specifier for requirement in requirements}


@pytest.mark.parametrize(
    ("table", "origin"),
    [("dependencies", "sparkhouse (pyproject.toml)"), ("dev", "sparkhouse (pyproject.toml:dev)")],
)
def test_the_lock_file_pins_what_pyproject_asks_for_and_no_longer_what_it_does_not(table: str, origin: str) -> None:
    asked = asked_for(table)
    pins = [(canonicalize_name(pin["name"]), pin["version"], pin["origin"]) for pin in PIN.finditer(LOCK.read_text())]
    assert len(asked) > 10
    assert {name for name, _, said in pins if origin in said} == set(asked), "run `make lock`"
    assert not [name for name, _, said in pins if name in asked and origin not in said], "run `make lock`"
    unfit = [f"{name}=={version}" for name, version, _ in pins if name in asked and version not in asked[name]]
    assert not unfit, "not what pyproject.toml asks for: run `make lock`"


def test_no_state_is_tracked() -> None:
    tracked = [str(path.relative_to(REPOSITORY)) for path in tracked_files()]
    assert not [name for name in tracked if name.startswith(("var/", ".venv/"))]
    assert not [name for name in tracked if Path(name).suffix in {".parquet", ".jar", ".db"}]
