"""What a model version remembers of the code that trained it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from models_ml.registry import model_versions
from warehouse.contract.labels import labels

if TYPE_CHECKING:
    import pytest


def test_the_code_version_is_that_of_what_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = tmp_path / "models_ml"
    shutil.copytree(model_versions.CODE, code, ignore=shutil.ignore_patterns("__pycache__"))
    before = model_versions.code_version()
    monkeypatch.setattr(model_versions, "CODE", code)
    assert model_versions.code_version() == before

    def changed(name: str) -> bool:
        content = (code / name).read_text()
        (code / name).write_text(f"{content}\n# changed\n")
        found = model_versions.code_version()
        (code / name).write_text(content)
        return found != before

    assert [changed(name) for name in ("training/search.py", "spec/grids.yml", "dataset/derivations.yml")] == [True] * 3
    words = ("scoring/wording.py", "reports/templates/metric_card.html", "errors.py")
    assert [changed(name) for name in words] == [False] * 3
    with monkeypatch.context() as patched:
        patched.setattr(model_versions, "labels", lambda: [replace(label, horizons_ahead=3) for label in labels()])
        assert model_versions.code_version() != before
    monkeypatch.setattr(model_versions, "version", lambda name: "9.9" if name == "numpy" else version(name))
    assert model_versions.code_version() != before
