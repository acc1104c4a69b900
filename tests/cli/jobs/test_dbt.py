"""dbt in a state folder that another version of the project was read in."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from cli.jobs import dbt
from cli.jobs.dbt import forget_other_project
from cli.machine.environment import DBT_PROJECT

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SPARKHOUSE_HOME", str(tmp_path / "home"))
    project = tmp_path / "project"
    shutil.copytree(DBT_PROJECT / "models", project)
    monkeypatch.setattr(dbt, "DBT_PROJECT", project)
    return project


def test_what_dbt_read_of_another_version_is_forgotten(project: Path, tmp_path: Path) -> None:
    read = [tmp_path / "home" / "dbt" / name / "partial_parse.msgpack" for name in ("target", "backfill")]

    def is_forgotten() -> bool:
        for path in read:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        forget_other_project()
        return not any(path.exists() for path in read)

    assert is_forgotten(), "nobody knows what was read"
    assert not is_forgotten()
    (project / "README.txt").write_text("no part of the project")
    assert not is_forgotten()
    edited = next(project.rglob("*__unit_tests.yml"))
    edited.write_text(edited.read_text() + "\n")
    assert is_forgotten()
    assert not is_forgotten()
    next(project.rglob("*.sql")).unlink()
    assert is_forgotten()
