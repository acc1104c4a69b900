"""Pages in Debian's Chromium: what they print, ask for and overflow, and what axe-core says of them."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, ConsoleMessage, Page, Request

AXE = Path(__file__).resolve().parents[1] / "browser" / "node_modules" / "axe-core" / "axe.min.js"
WIDE, PHONE = 1280, 390
DRAWN_MS = 120_000
Scheme = Literal["light", "dark"]


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Debian's Chromium; skip, with a word, where it is not installed."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("there is no chromium on the PATH: `make browser` installs it")
    # Chromium's own sandbox needs a user other than root.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        yield browser
        browser.close()


@dataclass
class Visit:
    """An open page, and what went wrong on it so far."""

    page: Page
    faults: list[str] = field(default_factory=list)
    server: str = "file:"

    def go(self, address: str) -> None:
        """Open an address and wait until all figures are drawn."""
        self.page.goto(address)
        self.page.wait_for_selector("html[data-ready]", state="attached", timeout=DRAWN_MS)

    @property
    def links(self) -> list[str]:
        """The addresses of all pages of the report."""
        found: list[str] = self.page.eval_on_selector_all("header a", "all => all.map(each => each.href)")
        return found

    @property
    def overflow(self) -> int:
        """By how many pixels the page is wider than the window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))

    def hear(self, said: ConsoleMessage) -> None:
        """Note an error that the page prints."""
        if said.type == "error":
            self.faults.append(said.text)

    def see(self, asked: Request) -> None:
        """Note a request that leaves the disk, or the server whose pages are looked at."""
        if not asked.url.startswith((self.server, "data:", "blob:")):
            self.faults.append(f"asked for {asked.url}")

    def violations(self) -> list[str]:
        """What axe-core finds; skips, with a word, where it is not installed."""
        if not AXE.exists():
            pytest.skip("axe-core is not installed: `make browser` installs it")
        # Not as a script of the page: a policy of its server's may forbid that.
        self.page.evaluate(AXE.read_text())
        found: list[dict[str, Any]] = self.page.evaluate("axe.run({preload: false}).then(result => result.violations)")
        return [f"{each['id']}: {node['html'][:200]}" for each in found for node in each["nodes"]]


@contextmanager
def visit(
    browser: Browser, width: int = WIDE, scheme: Scheme = "light", locale: str = "en-GB", server: str = "file:"
) -> Iterator[Visit]:
    """Open a window; its faults are errors of the console and of scripts, and requests that leave disk or server."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, locale=locale)
    visited = Visit(context.new_page(), server=server)
    visited.page.on("console", visited.hear)
    visited.page.on("pageerror", lambda error: visited.faults.append(str(error)))
    visited.page.on("request", visited.see)
    yield visited
    context.close()
