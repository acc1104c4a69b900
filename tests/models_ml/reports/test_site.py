"""The report as files: switched at the end, text kept text, and words where there is nothing to show."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pandas as pd
import plotly.graph_objects as go
import pytest

from models_ml.reports.drawing import Drawing, NothingToShow, Number, figure
from models_ml.reports.pages import PAGES
from models_ml.reports.panels import QUERIES, NumberPanel, Page, Panel, statement
from models_ml.reports.site import Answer, State, trend, write_site
from models_ml.reports.tables import ROWS_SHOWN, table_of
from models_ml.reports.text import LETTERS_SHOWN, day, number, percent, sentence

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = "</script><script>alert(1)</script><b>\u202ebold</b>" + "x" * 10_000
STATE = State(
    "run-1", datetime(2018, 11, 1, 6, tzinfo=timezone.utc), datetime(2018, 11, 1, 7, tzinfo=timezone.utc), "l"
)


def bars(rows: pd.DataFrame) -> Drawing:
    drawn = figure(go.Bar(x=rows.plays, y=rows.artist, orientation="h"))
    return Drawing(drawn, sentence("{artist} leads with {plays}.", artist=rows.artist[0], plays=number(rows.plays[0])))


def lacking(rows: pd.DataFrame) -> Drawing:
    raise NothingToShow(f"{len(rows)} rows are too few.")


ARTISTS = pd.DataFrame({"artist": [HOSTILE, "Muse"], "plays": [1_234, 5]})
INDEX = Page(
    "overview",
    "Overview",
    "What matters.",
    (Panel("Artists", "artists", bars, "No artist yet: `sparkhouse run`."),),
    (NumberPanel("Plays", "artists", lambda rows: Number(number(rows.plays.sum()), sentence("all")), "None.", "more"),),
)
MORE = Page("more", "More", "All else.", (Panel("Too few", "artists", lacking, "No artist yet."),))


@pytest.fixture
def answers() -> dict[str, Answer]:
    return {"artists": Answer("select artist, '<b>' as plays", ARTISTS)}


def content(index: Path) -> dict[str, str]:
    return {path.relative_to(index.parent).name: path.read_text() for path in index.parent.rglob("*.html")}


def test_a_page_shows_numbers_charts_and_the_sql_of_both(tmp_path: Path, answers: dict[str, Answer]) -> None:
    pages = content(write_site(tmp_path, (INDEX, MORE), answers, STATE).index)
    assert set(pages) == {"index.html", "more.html"}
    assert '<data value="1239" data-style="number" data-digits="0">1,239</data>' in pages["index.html"]
    assert "select artist, &#39;&lt;b&gt;&#39; as plays" in pages["index.html"]
    assert "2 rows are too few." in pages["more.html"]
    assert "State of run run-1, published" in pages["more.html"]


def test_a_chart_of_several_queries_gets_the_rows_of_all_and_shows_their_sql(tmp_path: Path) -> None:
    def counted(rows: pd.DataFrame, plays: pd.DataFrame, lacking: pd.DataFrame | None) -> Drawing:
        return Drawing(None, sentence("{all} of {plays}", all=len(rows), plays=len(plays) if lacking is None else 0))

    page = replace(INDEX, panels=(Panel("Plays", "artists", counted, "None.", beside=("plays", "none")),))
    answers = {"artists": Answer("select 1", ARTISTS), "plays": Answer("select 2", ARTISTS.head(1))}
    html = write_site(tmp_path, (page,), answers | {"none": Answer("select 3", None)}, STATE).index.read_text()
    assert page.queries == {"artists", "plays", "none"}
    assert "2 of 1" in html
    assert re.findall(r'<pre id="plays-sql-(\d)" tabindex="0">select (\d)</pre>', html) == [(n, n) for n in "123"]


def test_hostile_text_is_text_in_pages_and_figures(tmp_path: Path, answers: dict[str, Answer]) -> None:
    index = write_site(tmp_path, (INDEX,), answers, STATE).index
    page = index.read_text()
    assert "<script>alert" not in page
    assert "\u202e" not in page
    assert "x" * LETTERS_SHOWN not in page
    [script] = index.parent.glob("pages-*/figures/*.js")
    called = re.fullmatch(r'sparkhouse\.figure\("artists-figure",(.*)\);', script.read_text(), re.DOTALL)
    assert called
    [trace] = json.loads(called[1])["data"]
    assert trace["y"][0].startswith("&lt;/script&gt;")
    assert len(trace["y"][0]) < LETTERS_SHOWN


@pytest.mark.parametrize("rows", [None, ARTISTS.head(0)])
def test_what_is_missing_is_said_with_how_to_get_it(tmp_path: Path, rows: pd.DataFrame | None) -> None:
    page = write_site(tmp_path, (INDEX,), {"artists": Answer("select", rows)}, STATE).index.read_text()
    assert "No artist yet: <code>sparkhouse run</code>." in page
    assert "None." in page
    assert "data-figure" not in page


def test_links_and_assets_are_found_from_every_page(tmp_path: Path, answers: dict[str, Answer]) -> None:
    index = write_site(tmp_path, (INDEX, MORE), answers, STATE).index
    for path in index.parent.rglob("*.html"):
        linked = re.findall(r'(?:href|src|data-plotly|data-figure)="([^"#:]+)"', path.read_text())
        assert len(linked) > 4
        assert not [link for link in linked if not (path.parent / link).is_file()]


def test_a_reader_of_the_old_report_keeps_its_pages_and_older_ones_go(
    tmp_path: Path, answers: dict[str, Answer]
) -> None:
    for minute in range(3):
        write_site(tmp_path, (INDEX, MORE), answers, replace(STATE, written_at=STATE.written_at.replace(minute=minute)))
    kept = sorted(path.name for path in tmp_path.glob("pages-*"))
    assert kept == ["pages-20181101T070100000000", "pages-20181101T070200000000"]
    assert kept[-1] in (tmp_path / "index.html").read_text()
    assert not list(tmp_path.glob(".*"))


def test_a_chart_that_cannot_be_drawn_is_told_and_takes_no_other_away(
    tmp_path: Path, answers: dict[str, Answer]
) -> None:
    def broken(_: pd.DataFrame) -> Drawing:
        raise ZeroDivisionError("by zero")

    page = replace(MORE, panels=(Panel("Broken", "artists", broken, ""), *INDEX.panels))
    site = write_site(tmp_path, (INDEX, page), answers, STATE)
    assert site.faults == ("More: Broken: ZeroDivisionError: by zero",)
    more = content(site.index)["more.html"]
    assert "This chart could not be drawn (ZeroDivisionError)" in more
    assert more.count("data-figure") == 1


def test_a_report_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, answers: dict[str, Answer]) -> None:
    before = write_site(tmp_path, (INDEX, MORE), answers, STATE).index.read_text()
    later = replace(STATE, written_at=datetime.now(timezone.utc))
    (tmp_path / ".index.html.draft").mkdir()
    with pytest.raises(IsADirectoryError):
        write_site(tmp_path, (INDEX, MORE), answers, later)
    assert (tmp_path / "index.html").read_text() == before


def test_a_table_writes_each_value_by_its_kind_and_says_what_it_leaves_out() -> None:
    rows = pd.DataFrame(
        {
            "name": ["a"] * (ROWS_SHOWN + 2),
            "users": [1_234] * (ROWS_SHOWN + 2),
            "Share cancelled": [0.125] * (ROWS_SHOWN + 2),
            "at": [pd.Timestamp("2018-11-01")] * (ROWS_SHOWN + 2),
            "nothing": [None] * (ROWS_SHOWN + 2),
        }
    )
    table = table_of(rows)
    assert [column.is_number for column in table.columns] == [False, True, True, False, False]
    assert [str(cell.striptags()) for cell in table.rows[0]] == ["a", "1,234", "12.5%", "2018-11-01", "-"]
    assert (len(table.rows), table.left_out) == (ROWS_SHOWN, 2)


def test_numbers_and_dates_carry_what_the_page_writes_anew() -> None:
    assert number(1234.5, 1) == '<data value="1234.5" data-style="number" data-digits="1">1,234.5</data>'
    assert "12%" in percent(0.123)
    assert day(datetime(2018, 11, 1)) == '<time datetime="2018-11-01">2018-11-01</time>'  # noqa: DTZ001
    for unknown in (None, float("nan"), float("inf")):
        assert number(unknown) == number(None)
    assert sentence("{name} is here", name="<i>") == "&lt;i&gt; is here"


def test_a_trend_is_a_line_that_stays_in_its_box() -> None:
    assert trend((1.0,)) is None
    assert trend((0.0, 10.0, 5.0)) == "M0.0,19.0 L50.0,1.0 L100.0,10.0"
    assert trend((3.0, 3.0)) == "M0.0,19.0 L100.0,19.0"


def test_every_query_of_the_pages_is_a_file_and_every_file_is_asked() -> None:
    asked = {query for page in PAGES for query in page.queries}
    assert asked == {str(path.relative_to(QUERIES).with_suffix("")) for path in QUERIES.rglob("*.sql")}
    assert "{" not in "".join(statement(query, "a_label") for query in asked)


def test_every_number_leads_to_a_page_and_every_panel_has_an_anchor_of_its_own() -> None:
    names = {page.name for page in PAGES}
    assert {each.page for page in PAGES for each in page.numbers} <= names
    for page in PAGES:
        assert len({panel.id for panel in page.panels}) == len(page.panels)
