"""The web app: its pages, its API, and what they are made of."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask
from jinja2 import StrictUndefined

from models_ml.reports.text import number, percent, with_code
from models_ml.serving.store import Stores
from models_ml.serving.web import problems, security, uploads
from models_ml.serving.web.state import SETTINGS, STORES

if TYPE_CHECKING:
    from models_ml.serving.uploads.reading import ReadLog
    from models_ml.serving.web.settings import Settings

HERE = Path(__file__).parent
# The modules of pages and API, each with a `blueprint`; the bar shows those that have a title.
MODULES = (
    "models_ml.serving.web.assets",
    "models_ml.serving.pages.overview",
    "models_ml.serving.pages.report",
    "models_ml.serving.pages.customers",
    "models_ml.serving.pages.customer",
    "models_ml.serving.pages.upload",
    "models_ml.serving.pages.score",
    "models_ml.serving.pages.campaign",
    "models_ml.serving.pages.model",
    "models_ml.serving.api.customers",
    "models_ml.serving.api.alternatives",
    "models_ml.serving.api.scoring",
    "models_ml.serving.api.upload",
    "models_ml.serving.api.reference",
    "models_ml.serving.api.document",
)
BAR = (
    ("Overview", "overview.page"),
    ("Customers", "customers.page"),
    ("Upload", "upload.page"),
    ("Score", "score.page"),
    ("Campaign", "campaign.page"),
    ("Model", "model.page"),
    ("API", "api_document.docs"),
)


def create_app(settings: Settings, read_log: ReadLog | None = None) -> Flask:
    """Return the app, ready for any WSGI server. It reads files alone, and holds one publication at a time.

    `read_log` reads what is uploaded; without it, the app takes no upload.
    """
    app = Flask(__name__, static_folder=None, template_folder=str(HERE / "templates"))
    app.config[STORES], app.config[SETTINGS] = Stores(settings.stores), settings
    app.config["MAX_CONTENT_LENGTH"] = settings.most_bytes
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(bar=BAR, settings=settings, number=number, percent=percent)
    app.jinja_env.filters["with_code"] = with_code
    app.extensions[uploads.READ_LOG] = read_log
    problems.register(app)
    security.register(app)
    uploads.register(app)
    for name in MODULES:
        app.register_blueprint(import_module(name).blueprint)
    return app
