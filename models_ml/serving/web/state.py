"""The publication and the settings of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from flask import current_app, g

if TYPE_CHECKING:
    from models_ml.serving.store import Store, Stores
    from models_ml.serving.web.settings import Settings

STORES, SETTINGS = "SPARKHOUSE_STORES", "SPARKHOUSE_SETTINGS"


def store() -> Store:
    """Return the newest publication; all of a request sees the same one. Raises NothingPublished."""
    if "store" not in g:
        g.store = cast("Stores", current_app.config[STORES]).newest()
    return cast("Store", g.store)


def settings() -> Settings:
    """Return how the app is run."""
    return cast("Settings", current_app.config[SETTINGS])
