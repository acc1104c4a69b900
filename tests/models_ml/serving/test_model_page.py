"""The model's page: the champion's card, versions, drift and what came true are those of the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from planning_store import NO_CHAMPION, VERSION, client, tables, written

from models_ml.evaluation.reliability import wilson_interval
from models_ml.serving.answers.model import came_true, champion, drift, versions

if TYPE_CHECKING:
    from pathlib import Path

    from models_ml.serving.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return written(tmp_path)


def test_the_champion_has_its_metrics_with_intervals(store: Store) -> None:
    found = champion(store)
    assert found is not None
    assert found.model_version == VERSION
    auc, precision, skill, error = found.metrics
    assert (auc.title, auc.value, auc.low, auc.high, auc.no_skill, auc.is_share) == ("AUC", 0.7, 0.6, 0.8, 0.5, False)
    assert found.average_precision is precision
    assert (skill.is_share, skill.low, error.title) == (True, None, "Calibration error")


def test_versions_are_told_the_newest_first_by_what_they_are(store: Store) -> None:
    assert [(each.model_version, each.is_champion, each.is_challenger) for each in versions(store)] == [
        ("v3-new", False, True),
        (VERSION, True, False),
        ("v1-old", False, False),
    ]


def test_drift_is_that_of_the_newest_date_the_score_first(store: Store) -> None:
    assert [(each.feature, each.is_beyond) for each in drift(store)] == [("score", False), ("level=paid", True)]


def test_what_came_true_has_the_interval_of_its_share(store: Store) -> None:
    newest, older = came_true(store)
    assert (newest.low, newest.high) == pytest.approx([100 * end for end in wilson_interval(0.1, 100)])
    assert (newest.agrees, older.agrees) == (False, True)


@pytest.mark.usefixtures("store")
def test_the_page_shows_all_of_it_and_marks_nothing_up(tmp_path: Path) -> None:
    answer = client(tmp_path).get("/model")
    text = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert f"The champion, {VERSION}" in text
    assert "&lt;script&gt;does not beat it" in text
    assert "/report/" not in text


@pytest.mark.usefixtures("store")
def test_the_page_leads_to_that_of_the_report(tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "index.html").write_text('<a href="pages-2018/model.html">Model</a>')
    assert 'href="/report/pages-2018/model.html"' in client(tmp_path).get("/model").get_data(as_text=True)


def test_without_a_model_the_page_says_what_makes_one(tmp_path: Path) -> None:
    nothing = dict.fromkeys(tables())
    store = written(tmp_path, NO_CHAMPION, **nothing)
    assert (champion(store), versions(store), drift(store), came_true(store)) == (None, [], [], [])
    text = client(tmp_path).get("/model").get_data(as_text=True)
    assert text.count('class="missing"') == 4
    assert "<code>sparkhouse train</code>" in text


def test_empty_tables_are_told_as_missing_ones(tmp_path: Path) -> None:
    empty = {name: rows.iloc[:0] for name, rows in tables().items() if rows is not None}
    written(tmp_path, NO_CHAMPION, **empty)
    assert {client(tmp_path).get(page).status_code for page in ("/model", "/campaign", "/score")} == {200}
