"""Style sheets and scripts: those of the report, and the app's own; their address changes with their content."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path

from flask import Blueprint, Response, url_for

from models_ml.reports.shared_files import shared_assets
from models_ml.serving.web.problems import Problem

OWN = Path(__file__).parents[1] / "assets"
KINDS = {".css": "text/css", ".js": "text/javascript"}

blueprint = Blueprint("assets", __name__)


@blueprint.get("/assets/<digest>/<name>")
def asset(digest: str, name: str) -> Response:
    """One file; a browser keeps it for good, since another content has another address."""
    found = _assets().get(name)
    if found is None or digest != found[0]:
        raise Problem(HTTPStatus.NOT_FOUND, "There is no such file here: load the page anew.")
    answer = Response(found[1], mimetype=KINDS[Path(name).suffix])
    answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return answer


@blueprint.app_template_global()
def asset_url(name: str) -> str:
    """The address of a file."""
    return url_for("assets.asset", digest=_assets()[name][0], name=name)


@cache
def _assets() -> dict[str, tuple[str, bytes]]:
    """The content of each file by its name, with a digest of it."""
    files = [*shared_assets(), *(path for path in OWN.iterdir() if path.suffix in KINDS)]
    contents = {path.name: path.read_bytes() for path in files}
    return {name: (sha256(content).hexdigest()[:12], content) for name, content in contents.items()}
