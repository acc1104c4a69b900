"""The pictures of the README, of the report in the state folder: `make pictures`.

Written as PNG of a page 1,280 pixels wide, cut after its first 1,000.
"""

from __future__ import annotations

import sys
from pathlib import Path

from browser import WIDE, chromium, visit

from cli.machine.home import Home

FOLDER = Path(__file__).resolve().parents[2] / "models_ml" / "reports" / "pictures"
HEIGHT = 1_000
LARGEST_BYTES = 300_000
SHOWN = ("index", "quality")


def main() -> int:
    index = Home.from_environment().reports / "index.html"
    if not index.is_file():
        print(f"there is no report at {index}: run `sparkhouse report` first", file=sys.stderr)
        return 2
    FOLDER.mkdir(exist_ok=True)
    with chromium() as browser, visit(browser) as visited:
        visited.page.set_viewport_size({"width": WIDE, "height": HEIGHT})
        visited.go(index.as_uri())
        pages = {Path(link).stem: link for link in visited.links}
        for name in SHOWN:
            visited.go(pages[name])
            visited.page.screenshot(path=FOLDER / f"{'overview' if name == 'index' else name}.png")
    size = sum(path.stat().st_size for path in FOLDER.glob("*.png"))
    print(f"{size:,} bytes in {FOLDER}")
    return int(size > LARGEST_BYTES)


if __name__ == "__main__":
    sys.exit(main())
