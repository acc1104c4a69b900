"""The metric card: JSON for machines, rows for a terminal, one page for people."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from models_ml.evaluation.metrics import Interval, metrics
from models_ml.evaluation.permutation import Importance
from models_ml.evaluation.reliability import ReliabilityBin
from models_ml.reports.metric_card import MetricCard, Sample
from models_ml.reports.metric_texts import METRIC_TEXTS, READING_AUC

METRICS = {
    "auc": Interval(0.64321, 0.6, 0.68),
    "lift_top_10": Interval(2.1, 1.6, 2.7),
    "recall": Interval(0.25, 0.2, 0.305),
    "brier": Interval(0.11034, 0.1, 0.12),
}
NO_SKILL = {
    "auc": Interval(0.5, 0.5, 0.5),
    "lift_top_10": Interval(1, 1, 1),
    "recall": Interval(1, 1, 1),
    "brier": Interval(0.114, 0.11, 0.118),
}
CARD = MetricCard(
    label="churned_in_time_bin",
    model_version="v3-0a1b2c3d",
    algorithm="random_forest",
    parameters={"maxDepth": "5", "numTrees": "40"},
    split="train 2018-10-01..2018-10-29 (5 snapshots), test 2018-11-12 (1)",
    train=Sample(rows=12_000, users=2_250, positives=1_500, snapshots=5),
    test=Sample(rows=4_000, users=2_100, positives=524, snapshots=1),
    models={"random_forest": METRICS, "logistic_regression": METRICS, "no_skill": NO_SKILL},
    threshold=0.2,
    calibration="platt",
    reliability=(ReliabilityBin(0.05, 0.06, 0.04, 0.08, 2_000), ReliabilityBin(0.25, 0.22, 0.2, 0.24, 2_000)),
    importances=(Importance("thumbs_down_7d", 0.02, 0.004, 0.3), Importance("errors_7d", 0.01, 0.002)),
    warnings=("test AUC 0.91 is above 0.80: check that no feature looks past as_of",),
)


class Page(HTMLParser):
    """The elements of a page with their attributes, and those still open; they close in the order of their nesting."""

    VOID = ("meta",)

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.open += [] if tag in self.VOID else [tag]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def test_every_metric_has_a_title_and_a_meaning() -> None:
    measured = metrics(np.array([1.0, 0]), np.array([0.9, 0.1]), 0.5)
    assert set(METRIC_TEXTS) == set(measured)
    assert len({text.title for text in METRIC_TEXTS.values()}) == len(METRIC_TEXTS)
    assert all(text.meaning.endswith(".") for text in METRIC_TEXTS.values())


# For machines


def test_the_json_holds_all_of_the_card() -> None:
    card = json.loads(CARD.to_json())
    assert card["models"]["random_forest"]["auc"] == {"value": 0.64321, "low": 0.6, "high": 0.68}
    assert card["test"] == {"rows": 4_000, "users": 2_100, "positives": 524, "snapshots": 1}
    assert card["reliability"][1]["observed_rate"] == 0.22
    assert card["importances"][1] == {"element": "errors_7d", "drop": 0.01, "spread": 0.002, "own": None}
    assert list(card["models"]) == ["random_forest", "logistic_regression", "no_skill"]


def test_what_is_no_number_is_not_written_as_json() -> None:
    unknown = replace(CARD, models={"random_forest": {"auc": Interval(float("nan"), 0, 1)}})
    with pytest.raises(ValueError, match="JSON"):
        unknown.to_json()


# For people


def test_the_page_is_well_formed_and_needs_no_other_file() -> None:
    page = Page(CARD.to_html())
    assert page.open == []
    assert not page.named("script")
    assert not page.named("link")
    assert not [value for _, attributes in page.elements for key, value in attributes.items() if key in {"src", "href"}]
    assert "url(" not in CARD.to_html()
    assert "color-scheme: light dark" in CARD.to_html()


def test_the_page_says_what_was_trained_how_it_was_split_and_what_to_beware_of() -> None:
    html = CARD.to_html()
    for text in ("churned_in_time_bin: v3-0a1b2c3d", "random_forest", CARD.split, CARD.warnings[0], READING_AUC):
        assert text in html
    for count in ("12,000", "2,250", "1,500", "12.5%", "4,000", "13.1%"):
        assert f'<td class="number">{count}</td>' in html
    assert re.search(r"maxDepth</th><td>5</td>", html)


def test_a_metric_explains_itself() -> None:
    explained = [attributes["title"] for attributes in Page(CARD.to_html()).named("abbr")]
    assert explained == [METRIC_TEXTS[name].meaning for name in METRICS]


def test_a_point_of_the_plot_stands_where_prediction_and_rate_say() -> None:
    page = Page(CARD.to_html())
    # The highest number is 0.25, so the axes of 290 units end at 0.3: x from 56 rightwards, y from 306 upwards.
    first, second = page.named("circle")
    assert (first["cx"], first["cy"]) == ("104.3", "248.0")
    assert (second["cx"], second["cy"]) == ("297.7", "93.3")
    (bar,) = (line for line in page.named("line") if line.get("class") == "seen" and line["x1"] == "297.7")
    assert (bar["y1"], bar["y2"]) == ("112.7", "74.0")


def test_the_plot_is_named_and_described_for_who_does_not_see_it() -> None:
    page = Page(CARD.to_html())
    (plot,) = page.named("svg")
    assert plot["role"] == "img"
    named = {attributes.get("id") for tag, attributes in page.elements if tag in {"title", "desc"}}
    assert set(str(plot["aria-labelledby"]).split()) <= named


def bars(card: MetricCard) -> list[str | None]:
    return [attributes["style"] for attributes in Page(card.to_html()).named("div") if attributes.get("class") == "bar"]


def test_the_twenty_most_important_elements_have_bars_the_longest_first() -> None:
    assert bars(CARD) == ["width: 100.0%", "width: 50.0%"]
    many = tuple(Importance(f"element_{number}", number / 100, 0.001) for number in range(1, 31))
    found = bars(replace(CARD, importances=many))
    assert (len(found), found[0], found[-1]) == (20, "width: 100.0%", "width: 36.7%")


def test_an_element_that_does_harm_has_no_bar() -> None:
    harmful = replace(CARD, importances=(Importance("noise", -0.01, 0.001, 0.2),))
    assert bars(harmful) == []
    assert "-0.0100 ± 0.0010" in harmful.to_html()


def test_a_card_without_importances_and_warnings_has_no_room_for_them() -> None:
    html = replace(CARD, importances=(), warnings=()).to_html()
    assert "What the model goes by" not in html
    assert 'role="alert"' not in html


def test_text_of_others_is_not_read_as_html() -> None:
    html = replace(CARD, importances=(Importance("<script>alert(1)</script>", 0.1, 0.01),)).to_html()
    assert not Page(html).named("script")
    assert "&lt;script&gt;" in html
