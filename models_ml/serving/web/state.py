"""The publication and the settings of a request."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from flask import current_app, g

from models_ml.serving.web.problems import Problem

if TYPE_CHECKING:
    from models_ml.serving.store import Store, Stores
    from models_ml.serving.web.settings import Settings

STORES, SETTINGS = "SPARKHOUSE_STORES", "SPARKHOUSE_SETTINGS"


def store() -> Store:
    """Return the newest publication; all of a request sees the same one. Raises NothingPublished."""
    if "store" not in g:
        g.store = cast("Stores", current_app.config[STORES]).newest()
    return cast("Store", g.store)


def require_scoring(instead: str = "") -> None:
    """Raise Problem where this server scores nobody; `instead` says what it answers."""
    if settings().read_only:
        which = f", which scores nobody. {instead}" if instead else "."
        raise Problem(HTTPStatus.FORBIDDEN, f"This server only reads: it was started with `--read-only`{which}")


def settings() -> Settings:
    """Return how the app is run."""
    return cast("Settings", current_app.config[SETTINGS])
