"""Who may ask, and what an answer lets the browser do.

Requests by other names than the server's own are refused (DNS rebinding). With a token, each request shows it: as
bearer, or by a cookie that the login form sets, until the logout. Forms carry a token of their own against requests
that other sites make (CSRF); a bearer is not sent by a browser on its own and needs none.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections import deque
from contextlib import suppress
from http import HTTPStatus
from math import ceil
from typing import TYPE_CHECKING, cast

from flask import Blueprint, Response, current_app, g, redirect, render_template, request, session, url_for

from models_ml.serving.web.problems import API, Problem
from models_ml.serving.web.state import settings

if TYPE_CHECKING:
    from flask import Flask
    from werkzeug.wrappers import Response as AnyResponse

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # No cache between shows one caller what another asked for, and each page is of the newest publication.
    "Cache-Control": "private, no-cache",
}
# What somebody without the token may ask for: the form to give it, and what that looks like.
OPEN = frozenset({"security.login", "security.log_in", "static", "assets.asset"})
CSRF_FIELD, CSRF_HEADER = "csrf_token", "X-CSRF-Token"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
BEARER = "Bearer "
# Types that a browser sends to another site only after asking it, which this server answers to nobody.
BYTES = "application/octet-stream"
OF_PROGRAMS = frozenset({"application/json", BYTES})
NOT_OF_PROGRAMS = (
    f"Forms of other sites can send this, too: send Content-Type: application/json, or {BYTES} for a file."
)
OF_ANOTHER_SESSION = "This form is of an earlier session: load the page anew and send it again."
# Browsers that are logged in at a time: the oldest has to log in again.
MOST_LOGINS = 1000
LOGINS, LOGIN = "logins", "login"

blueprint = Blueprint("security", __name__)


class RateLimit:
    """So many tries in so many seconds, of everybody together: tokens are guessed from many addresses."""

    def __init__(self, tries: int, seconds: float) -> None:
        self._tries, self._seconds = tries, seconds
        self._lock, self._times = threading.Lock(), deque[float]()

    def take(self) -> None:
        """Take one try. Raises Problem where there is none left."""
        now = time.monotonic()
        with self._lock:
            while self._times and self._times[0] < now - self._seconds:
                self._times.popleft()
            if len(self._times) >= self._tries:
                raise Problem(
                    HTTPStatus.TOO_MANY_REQUESTS,
                    f"More than {self._tries} tries in {self._seconds:.0f} seconds: wait, then try again.",
                    retry_after=ceil(self._times[0] + self._seconds - now),
                )
            self._times.append(now)


class Logins:
    """The browsers that are logged in, by a secret that each has in its cookie."""

    def __init__(self, most: int) -> None:
        self._lock, self._ids = threading.Lock(), deque[str](maxlen=most)

    def begin(self) -> str:
        """Let a browser in: the secret of its cookie."""
        login_id = secrets.token_urlsafe(32)
        with self._lock:
            self._ids.append(login_id)
        return login_id

    def end(self, login_id: str) -> None:
        """Let no cookie with this secret in any more, wherever it is."""
        with self._lock, suppress(ValueError):
            self._ids.remove(login_id)

    def __contains__(self, login_id: str) -> bool:
        """Whether the browser is logged in."""
        with self._lock:
            return login_id in self._ids


def register(app: Flask) -> None:
    """Guard all requests of an app, and give all answers their headers."""
    app.config.update(
        SECRET_KEY=secrets.token_bytes(32),
        SESSION_COOKIE_NAME="sparkhouse",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Strict",
    )
    app.extensions["login_limit"] = RateLimit(10, 60)
    app.extensions[LOGINS] = Logins(MOST_LOGINS)
    app.register_blueprint(blueprint)
    app.before_request(_check_host)
    app.before_request(_check_token)
    app.before_request(_check_csrf)
    app.after_request(_with_headers)
    app.jinja_env.globals["csrf_token"] = csrf_token


def csrf_token() -> str:
    """The token that the forms of this session carry."""
    if "csrf" not in session:
        session["csrf"] = secrets.token_urlsafe(32)
    return str(session["csrf"])


def same(given: str, wanted: str) -> bool:
    """Whether two secrets are the same, in a time that tells nothing of either."""
    given_hash, wanted_hash = (hashlib.sha256(each.encode()).digest() for each in (given, wanted))
    return hmac.compare_digest(given_hash, wanted_hash)


@blueprint.get("/login")
def login() -> str:
    """The form for the token."""
    return render_template("login.html", title="Log in")


@blueprint.post("/login")
def log_in() -> AnyResponse:
    """Let the browser in that knows the token."""
    current_app.extensions["login_limit"].take()
    token = settings().token
    if token is None or not same(request.form.get("token", ""), token):
        raise Problem(HTTPStatus.FORBIDDEN, "This is not the token that the server was started with.")
    session.clear()
    session[LOGIN] = _logins().begin()
    return redirect(url_for("overview.page"))


@blueprint.post("/logout")
def log_out() -> AnyResponse:
    """Forget the browser, and all copies of its cookie."""
    _logins().end(session.get(LOGIN, ""))
    session.clear()
    return redirect(url_for("security.login"))


def _logins() -> Logins:
    return cast("Logins", current_app.extensions[LOGINS])


def _check_host() -> None:
    name = request.host.rpartition(":")[0] if request.host.rpartition(":")[2].isdigit() else request.host
    if name.lower() not in settings().host_names:
        raise Problem(
            HTTPStatus.MISDIRECTED_REQUEST,
            "This server is not called so: start it with --host NAME to be reached by it.",
        )


def _check_token() -> AnyResponse | None:
    token, header = settings().token, request.headers.get("Authorization", "")
    g.by_bearer = False
    if token is None or request.endpoint in OPEN:
        return None
    if header.startswith(BEARER):
        if not same(header.removeprefix(BEARER), token):
            raise Problem(HTTPStatus.UNAUTHORIZED, "The bearer token is not the one that the server was started with.")
        g.by_bearer = True
        return None
    if session.get(LOGIN, "") in _logins():
        return None
    if request.path.startswith(API):
        raise Problem(HTTPStatus.UNAUTHORIZED, "Send the server's token: Authorization: Bearer TOKEN.")
    if _is_from_elsewhere():
        return Response(render_template("again.html"))
    return redirect(url_for("security.login"))


def _is_from_elsewhere() -> bool:
    """Whether somebody followed a link of another site, or of dbt's page, which is of no origin: without the cookie.

    A page of ours that loads itself anew is sent it. No more is given away: whoever has no login comes to the form.
    """
    seen = request.headers
    is_page = request.method == "GET" and seen.get("Sec-Fetch-Mode") == "navigate"
    return is_page and seen.get("Sec-Fetch-Dest") == "document" and seen.get("Sec-Fetch-Site") == "cross-site"


def _check_csrf() -> None:
    """A request that changes or takes in something comes from our own page, or from a program.

    Programs send JSON or plain bytes, which no page of another site can without asking first, or the bearer token.
    """
    if request.method in SAFE or g.get("by_bearer"):
        return
    if request.path.startswith(API) and request.mimetype in OF_PROGRAMS:
        return
    given = request.form.get(CSRF_FIELD) or request.headers.get(CSRF_HEADER, "")
    if not same(given, csrf_token()):
        raise Problem(HTTPStatus.FORBIDDEN, NOT_OF_PROGRAMS if request.path.startswith(API) else OF_ANOTHER_SESSION)


def _with_headers(answer: Response) -> Response:
    for name, value in HEADERS.items():
        answer.headers.setdefault(name, value)
    return answer
