"""The web app in a real browser: every page, its forms, what moves on it, for eyes, keyboard and screen reader."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from browser import PHONE, WIDE, chromium, visit
from serving_store import STRANGE, small_store
from werkzeug.serving import make_server

from models_ml.serving.app import create_app
from models_ml.serving.web.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from browser import Scheme, Visit
    from playwright.sync_api import Browser

PAGES = ("/", "/customers", "/customers/1", "/score", "/campaign", "/model", "/upload", "/api/docs")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("store")
    small_store(folder)
    server = make_server("127.0.0.1", 0, create_app(Settings(folder, folder)), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()


@pytest.mark.parametrize(("width", "scheme"), [(WIDE, "light"), (PHONE, "dark")])
def test_every_page_is_whole_and_open_to_all(browser: Browser, address: str, width: int, scheme: Scheme) -> None:
    with visit(browser, width, scheme, server=address) as visited:
        for page in (*PAGES, f"/customers/{quote(STRANGE[0])}"):
            visited.go(f"{address}{page}")
            assert visited.overflow <= 0, page
            assert visited.violations() == [], page
            assert visited.faults == [], page


def test_a_list_is_filtered_and_leads_to_a_customer(browser: Browser, address: str) -> None:
    with visit(browser, server=address) as visited:
        visited.go(f"{address}/customers")
        visited.page.get_by_label("Level").select_option("paid")
        visited.page.get_by_role("button", name="Show").press("Enter")
        visited.page.wait_for_url("**level=paid**")
        rows = visited.page.locator("main tbody tr")
        assert rows.count() > 0
        assert set(visited.page.locator("main tbody tr td:nth-child(5)").all_text_contents()) == {"paid"}
        rows.first.locator("a").press("Enter")
        visited.page.wait_for_url("**/customers/*")
        assert visited.page.locator("h1").is_visible()


def test_what_if_answers_when_it_is_moved(browser: Browser, address: str) -> None:
    with visit(browser, server=address) as visited:
        visited.go(f"{address}/customers/1")
        slider = visited.page.locator("input[type=range]").first
        with visited.page.expect_response("**/what-if") as answered:
            slider.press("End")
        assert answered.value.ok
        assert visited.faults == []


def test_a_form_is_filled_wrongly_mended_and_answered(browser: Browser, address: str) -> None:
    with visit(browser, server=address) as visited:
        visited.go(f"{address}/score")
        songs = visited.page.get_by_label("Songs", exact=False).first
        songs.evaluate("field => { field.type = 'text'; }")
        songs.fill("many")
        songs.press("Enter")
        visited.page.wait_for_selector("[aria-invalid=true]")
        visited.page.locator("[aria-invalid=true]").first.fill("120")
        visited.page.locator("main form button").first.press("Enter")
        visited.page.wait_for_selector("[aria-invalid=true]", state="detached")
        assert "%" in (visited.page.locator("main").text_content() or "")


def names(visited: Visit) -> list[str]:
    return visited.page.locator("header a").all_text_contents()


def test_the_bar_names_all_pages_and_the_keyboard_skips_it(browser: Browser, address: str) -> None:
    with visit(browser, server=address) as visited:
        visited.go(f"{address}/")
        assert len(names(visited)) >= 7
        visited.page.keyboard.press("Tab")
        assert visited.page.evaluate("document.activeElement.className") == "skip"
