"""Style sheets and scripts that all pages share, those of the report and of the web app."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

OWN = Path(__file__).parent / "assets"


def shared_assets() -> list[Path]:
    """The style sheets and scripts that all pages share, of packages and of our own."""
    plotly = _package("plotly") / "package_data" / "plotly.min.js"
    bootstrap = _package("flask_bootstrap") / "static" / "bootstrap5" / "css" / "bootstrap.min.css"
    return [plotly, bootstrap, OWN / "report.css", OWN / "report.js"]


def _package(name: str) -> Path:
    """The folder of a package, without importing it: the web app has no use for its code."""
    found = find_spec(name)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"{name} is not installed: run `make setup`", name=name)
    return Path(found.origin).parent
