"""The pictures of the README, of the report and the web app on the state folder: `make pictures`.

Written as PNG of a page 1,280 pixels wide, cut after its first 1,000.
"""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from browser import WIDE, chromium, visit
from werkzeug.serving import make_server

from cli.machine.home import Home
from models_ml.serving.app import create_app
from models_ml.serving.store import NothingPublished, Stores
from models_ml.serving.web.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).resolve().parents[2] / "models_ml" / "reports" / "pictures"
HEIGHT = 1_000
LARGEST_BYTES = 450_000
SHOWN = ("index", "quality")


AT_RISK = "select user_id from customers where probability is not null order by probability desc limit 1"


def main() -> int:
    home = Home.from_environment()
    index = home.reports / "index.html"
    try:
        customer = (Stores(home.serving).newest().row(AT_RISK) or {"user_id": ""})["user_id"]
    except NothingPublished:
        customer = ""
    if not index.is_file() or not customer:
        print(f"{home.path} has no report or no predictions: run `sparkhouse run` first", file=sys.stderr)
        return 2
    FOLDER.mkdir(exist_ok=True)
    with chromium() as browser, served(home) as address, visit(browser) as visited:
        visited.page.set_viewport_size({"width": WIDE, "height": HEIGHT})
        visited.go(index.as_uri())
        pages = {Path(link).stem: link for link in visited.links}
        shown = {"overview" if name == "index" else name: pages[name] for name in SHOWN}
        shown["customer"] = f"{address}/customers/{quote(customer, safe='')}"
        for name, page in shown.items():
            visited.go(page)
            visited.page.screenshot(path=FOLDER / f"{name}.png")
    size = sum(path.stat().st_size for path in FOLDER.glob("*.png"))
    print(f"{size:,} bytes in {FOLDER}")
    return int(size > LARGEST_BYTES)


@contextmanager
def served(home: Home) -> Iterator[str]:
    """The web app on the state folder, at an address of this machine."""
    server = make_server("127.0.0.1", 0, create_app(Settings(home.serving, home.reports)), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()


if __name__ == "__main__":
    sys.exit(main())
