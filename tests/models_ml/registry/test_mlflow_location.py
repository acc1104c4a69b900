"""A state folder that was copied or moved: its models are its own, and those of the original stay as they are."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from models_ml.errors import MisplacedStore, ModelNotStored, NotRelocated
from models_ml.registry.mlflow_location import misplaced, own_uri, relocate
from models_ml.registry.tracking import Tracking, load_text

if TYPE_CHECKING:
    from pathlib import Path

NAME = "models of Zoë [1] 100%"


@pytest.fixture(scope="module")
def stored_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder, of a name that URIs write otherwise, with one run, one registered version and a tag."""
    home = tmp_path_factory.mktemp("stored") / NAME
    tracking = Tracking.open(home / "mlflow")
    run = tracking.client.create_run(tracking.experiment_id).info
    version = tracking._register("sparkhouse-label", run)  # noqa: SLF001 - publishing it needs a fitted pipeline
    tracking.attach(version, {"model.json": "ours"})
    tracking.client.set_tag(run.run_id, "history", f'[{{"report": "{home}/reports/x.html"}}]')
    tracking.client.set_tag(run.run_id, "other", f"{home}-of-others/x")
    return home


@pytest.fixture
def original(stored_home: Path, tmp_path: Path) -> Path:
    """The same, for one test."""
    home = tmp_path / "first" / NAME
    shutil.copytree(stored_home, home)
    relocate(home / "mlflow", str(stored_home), home)
    return home


def texts(home: Path) -> str:
    """All that the store holds, as SQL."""
    with closing(sqlite3.connect(home / "mlflow" / "mlflow.db")) as connection:
        return "\n".join(connection.iterdump())


def test_a_store_where_it_was_made_is_in_place(stored_home: Path, tmp_path: Path) -> None:
    assert misplaced(stored_home / "mlflow", stored_home) is None
    assert misplaced(tmp_path / "mlflow", tmp_path) is None
    (tmp_path / "linked").symlink_to(stored_home)
    assert misplaced(tmp_path / "linked" / "mlflow", tmp_path / "linked") is None


def test_a_copy_is_told_and_becomes_its_own(original: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy ü"
    shutil.copytree(original, copy)
    assert misplaced(copy / "mlflow", copy) == str(original)
    before = texts(original)
    with pytest.raises(MisplacedStore, match="run sparkhouse doctor --relocate"):
        Tracking.open(copy / "mlflow")
    assert relocate(copy / "mlflow", str(original), copy) == 5
    assert misplaced(copy / "mlflow", copy) is None
    assert f'"{copy}/reports/x.html"' in texts(copy)
    assert f"{original}/" not in texts(copy)
    assert original.as_uri() not in texts(copy)
    assert relocate(copy / "mlflow", str(original), copy) == 0
    assert texts(original) == before
    assert [path.name for path in (copy / "mlflow").iterdir() if path.is_file()] == ["mlflow.db"]


def test_a_folder_whose_name_only_begins_alike_is_another(original: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(original, copy)
    stranger = f"{original}-of-others/x"
    with closing(sqlite3.connect(copy / "mlflow" / "mlflow.db")) as connection, connection:
        connection.execute("update tags set value = ? where key = 'other'", [stranger])
    relocate(copy / "mlflow", str(original), copy)
    assert stranger in texts(copy)


def test_what_a_copy_writes_and_removes_is_its_own(original: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(original, copy)
    relocate(copy / "mlflow", str(original), copy)
    files = sorted(original.rglob("*"))
    tracking = Tracking.open(copy / "mlflow")
    run = tracking.client.create_run(tracking.experiment_id).info
    tracking.client.log_text(run.run_id, "new", "new.txt")
    assert (copy / "mlflow" / "artifacts" / run.run_id / "artifacts" / "new.txt").read_text() == "new"
    assert sorted(original.rglob("*")) == files


def test_a_folder_moved_into_itself_and_out_again_is_rewritten_once(original: Path) -> None:
    below = original / "below"
    below.mkdir()
    shutil.move(original / "mlflow", below / "mlflow")
    assert relocate(below / "mlflow", str(original), below) == 5
    assert relocate(below / "mlflow", str(original), below) == 0
    assert misplaced(below / "mlflow", below) is None
    assert relocate(below / "mlflow", f"{below}/", original) == 5
    assert misplaced(below / "mlflow", original) is None


def test_a_stored_model_is_read_from_the_folder_that_asks(original: Path, tmp_path: Path) -> None:
    [path] = original.rglob("model.json")
    copy = tmp_path / "copy"
    shutil.copytree(original, copy)
    [copied] = copy.rglob("model.json")
    copied.write_text("that of the copy")
    assert load_text(path.as_uri(), original / "mlflow") == "ours"
    assert load_text(path.as_uri(), copy / "mlflow") == "that of the copy"
    copied.unlink()
    with pytest.raises(ModelNotStored, match="copy/mlflow/artifacts"):
        load_text(path.as_uri(), copy / "mlflow")


def test_what_lies_on_a_server_or_elsewhere_stays_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = [
        "s3://bucket/mlflow/artifacts/1/model.json",
        "mlflow-artifacts:/1/model.json",
        "file:///data/model.json",
    ]
    assert [own_uri(uri, tmp_path / "mlflow") for uri in elsewhere] == elsewhere
    ours = "file:///old/mlflow/artifacts/1/model.json"
    assert own_uri(ours, tmp_path / "mlflow") == (tmp_path / "mlflow/artifacts/1/model.json").as_uri()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    assert own_uri(ours, tmp_path / "mlflow") == ours


def test_a_store_that_cannot_be_rewritten_is_as_it_was(original: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(original / "mlflow" / "mlflow.db")) as connection, connection:
        connection.execute("create trigger no before update on runs begin select raise(abort, 'no update'); end")
    before = texts(original)
    with pytest.raises(NotRelocated, match=r"mlflow\.db still names .* \(no update\)"):
        relocate(original / "mlflow", str(original), tmp_path / "new")
    assert texts(original) == before


def test_of_a_damaged_store_nothing_is_said_and_nothing_rewritten(tmp_path: Path) -> None:
    (tmp_path / "mlflow").mkdir()
    (tmp_path / "mlflow" / "mlflow.db").write_text("no database" * 100)
    assert misplaced(tmp_path / "mlflow", tmp_path) is None
    with pytest.raises(NotRelocated, match="file is not a database"):
        relocate(tmp_path / "mlflow", "/old", tmp_path)
    assert relocate(tmp_path / "none", "/old", tmp_path) == 0
