"""Who may ask and what a browser may do: hosts, tokens, forms of other sites, guesses, headers, cookies."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from planning_store import csrf
from serving_store import small_client, small_store

from models_ml.serving.web.problems import Problem
from models_ml.serving.web.security import HEADERS, Logins, RateLimit, same

if TYPE_CHECKING:
    from pathlib import Path

    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

TOKEN = "a-token-of-the-tests"  # noqa: S105 - of the tests
PUBLICATION = "/api/v1/publication"


@pytest.fixture
def open_client(tmp_path: Path) -> FlaskClient:
    small_store(tmp_path)
    return small_client(tmp_path)


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    small_store(tmp_path)
    return small_client(tmp_path, TOKEN)


def logged_in(client: FlaskClient, token: str = TOKEN) -> TestResponse:
    return client.post("/login", data={"token": token, "csrf_token": csrf(client, "/login")})


# --- Hosts ---


@pytest.mark.parametrize("host", ["localhost", "localhost:8100", "127.0.0.1:8100", "[::1]:8100", "[::1]", "LOCALHOST"])
def test_the_server_answers_to_its_own_names(open_client: FlaskClient, host: str) -> None:
    assert open_client.get(PUBLICATION, headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example:8100", "evil.example:localhost", "127.0.0.2"])
def test_the_server_refuses_other_names(open_client: FlaskClient, host: str) -> None:
    for path in (PUBLICATION, "/", "/login", "/nix"):
        assert open_client.get(path, headers={"Host": host}).status_code in {400, 421}


# --- The token ---


@pytest.mark.parametrize("path", ["/", "/score", "/campaign", "/model", "/upload", "/api/docs", "/nix"])
def test_without_the_token_a_browser_is_sent_to_the_form(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.location) == (302, "/login")


@pytest.mark.parametrize("header", [None, "Basic abc", "Bearer", "bearer", "Token x"])
def test_without_the_token_a_program_is_told_how_to_send_it(client: FlaskClient, header: str | None) -> None:
    for path in (PUBLICATION, "/api/v1/openapi.json", "/api/v1/nix"):
        answer = client.get(path, headers={"Authorization": header} if header else {})
        assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("token", ["", "x", f"{TOKEN}x", TOKEN[:-1], TOKEN.upper(), "é" * 20, "a" * 100_000])
def test_a_wrong_bearer_is_refused_even_beside_a_login(client: FlaskClient, token: str) -> None:
    logged_in(client)
    answer = client.get(PUBLICATION, headers={"Authorization": f"Bearer {token}".encode().decode("latin1")})
    assert answer.status_code == 401
    assert not token or len(token) < 5 or token not in answer.text


def test_the_bearer_is_let_in_and_needs_no_token_of_a_form(client: FlaskClient) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert client.get(PUBLICATION, headers=headers).status_code == 200
    assert client.post("/score", data={"level": "free"}, headers=headers).status_code == 200
    assert client.get(PUBLICATION).status_code == 401


def test_a_browser_logs_in_and_out(client: FlaskClient) -> None:
    assert logged_in(client).location == "/"
    assert client.get("/").status_code == 200
    assert client.get(PUBLICATION).status_code == 200
    assert client.post("/logout", data={"csrf_token": csrf(client, "/")}).location == "/login"
    assert client.get("/").status_code == 302


def test_a_copied_cookie_ends_with_the_logout_and_no_other_login_does(client: FlaskClient) -> None:
    logged_in(client)
    thief, colleague = client.application.test_client(), client.application.test_client()
    copied = client.get_cookie("sparkhouse")
    assert copied is not None
    thief.set_cookie("sparkhouse", copied.value)
    logged_in(colleague)
    assert [each.get("/").status_code for each in (client, thief, colleague)] == [200, 200, 200]
    client.post("/logout", data={"csrf_token": csrf(client, "/")})
    assert [each.get("/").status_code for each in (client, thief, colleague)] == [302, 302, 200]
    assert thief.get(PUBLICATION).status_code == 401


def test_so_many_are_logged_in_and_the_oldest_makes_room() -> None:
    logins = Logins(2)
    first, second = logins.begin(), logins.begin()
    assert first in logins
    third = logins.begin()
    assert [each in logins for each in (first, second, third, "")] == [False, True, True, False]
    logins.end(second)
    logins.end("nobody")
    assert [each in logins for each in (second, third)] == [False, True]


FROM_ELSEWHERE = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


def test_a_link_of_another_site_loads_the_page_anew_and_leaves_the_login_alone(client: FlaskClient) -> None:
    answer = client.get("/customers?q=%22%3E%3Cb%3E&level=paid", headers=FROM_ELSEWHERE)
    assert answer.status_code == 200
    assert '<meta http-equiv="refresh" content="0">' in answer.text
    assert "<b>" not in answer.text
    assert "Set-Cookie" not in answer.headers
    assert client.get(PUBLICATION, headers=FROM_ELSEWHERE).status_code == 401
    assert client.post("/score", headers=FROM_ELSEWHERE).status_code == 302
    within = FROM_ELSEWHERE | {"Sec-Fetch-Site": "same-origin"}
    assert client.get("/customers", headers=within).status_code == 302
    framed = FROM_ELSEWHERE | {"Sec-Fetch-Dest": "iframe"}
    assert client.get("/customers", headers=framed).status_code == 302
    logged_in(client)
    assert "refresh" not in client.get("/customers", headers=FROM_ELSEWHERE).text


def test_the_token_of_a_form_is_another_after_the_login(client: FlaskClient) -> None:
    before = csrf(client, "/login")
    client.post("/login", data={"token": TOKEN, "csrf_token": before})
    assert csrf(client, "/score") != before


def test_a_wrong_token_logs_nobody_in_and_is_not_said_back(client: FlaskClient) -> None:
    answer = logged_in(client, "wrong-token-</script>")
    assert answer.status_code == 403
    assert "wrong-token" not in answer.text
    assert client.get("/").status_code == 302


def test_a_forged_cookie_is_no_login(client: FlaskClient) -> None:
    client.set_cookie("sparkhouse", "eyJpc19pbiI6dHJ1ZX0.aaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbb")
    assert client.get("/").status_code == 302


def test_a_cookie_of_one_start_of_the_server_is_none_of_the_next(client: FlaskClient, tmp_path: Path) -> None:
    logged_in(client)
    cookie = client.get_cookie("sparkhouse")
    assert cookie is not None
    other = small_client(tmp_path, TOKEN)
    other.set_cookie("sparkhouse", cookie.value)
    assert other.get("/").status_code == 302


def test_style_sheets_of_the_form_need_no_token(client: FlaskClient) -> None:
    text = client.get("/login").text
    sheet = text.split('rel="stylesheet" href="')[1].split('"')[0]
    assert client.get(sheet).status_code == 200


def test_ten_guesses_a_minute_are_all(client: FlaskClient) -> None:
    form = csrf(client, "/login")
    tries = [client.post("/login", data={"token": f"guess {n}", "csrf_token": form}) for n in range(11)]
    assert [each.status_code for each in tries] == [403] * 10 + [429]
    assert 1 <= int(tries[-1].headers["Retry-After"]) <= 60
    # Whoever knows the token waits as well; a bearer does not.
    assert logged_in(client).status_code == 429
    assert client.get(PUBLICATION, headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_a_limit_is_of_the_last_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("models_ml.serving.web.security.time.monotonic", lambda: now[0])
    limit = RateLimit(2, 60)
    limit.take()
    now[0] = 130.0
    limit.take()
    with pytest.raises(Problem) as refused:
        limit.take()
    assert refused.value.retry_after == 30
    now[0] = 161.0
    limit.take()


def test_secrets_are_the_same_or_not() -> None:
    assert same(TOKEN, TOKEN)
    assert not same("", TOKEN)
    assert not same("é", "e")


def test_no_log_holds_the_token_or_what_was_asked(
    client: FlaskClient, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = "of user 4711"

    def broken(*_: object) -> None:
        raise RuntimeError(words)

    monkeypatch.setattr("models_ml.serving.api.customers.customer", broken)
    with caplog.at_level(logging.DEBUG):
        logged_in(client)
        answer = client.get("/api/v1/customers/4711", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 500
    assert "RuntimeError at api_customers.one_customer" in caplog.text
    assert "in broken" in caplog.text
    for secret in (TOKEN, "4711"):
        assert secret not in caplog.text
        assert secret not in answer.text


# --- Forms of other sites ---


def test_a_form_without_our_token_is_refused(open_client: FlaskClient) -> None:
    open_client.get("/score")
    for given in ({}, {"csrf_token": ""}, {"csrf_token": "x"}):
        assert open_client.post("/score", data={"level": "free"} | given).status_code == 403
    assert open_client.post("/logout").status_code == 403


def test_the_token_of_another_session_is_refused(open_client: FlaskClient, tmp_path: Path) -> None:
    stranger = small_client(tmp_path)
    open_client.get("/score")
    assert open_client.post("/score", data={"csrf_token": csrf(stranger, "/score")}).status_code == 403


def test_our_token_is_taken_as_a_field_or_as_a_header(open_client: FlaskClient) -> None:
    token = csrf(open_client, "/score")
    assert open_client.post("/score", data={"csrf_token": token}).status_code == 200
    assert open_client.post("/score", headers={"X-CSRF-Token": token}).status_code == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_what_a_form_of_another_site_can_send_does_not_reach_the_api(open_client: FlaskClient, kind: str) -> None:
    answer = open_client.post("/api/v1/score", data=b'{"user_ids": ["1"]}', content_type=kind)
    assert answer.status_code == 403
    assert open_client.post("/api/v1/score", json={"user_ids": ["1"]}).status_code == 200


def test_other_sites_are_not_told_that_they_may_ask(open_client: FlaskClient) -> None:
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    answer = open_client.options("/api/v1/score", headers=asked)
    assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]


# --- Headers and cookies ---


@pytest.mark.parametrize("path", ["/", "/login", "/api/docs", PUBLICATION, "/nix", "/api/v1/nix"])
def test_each_answer_has_the_headers(open_client: FlaskClient, path: str) -> None:
    answer = open_client.get(path)
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    policy = answer.headers["Content-Security-Policy"]
    assert "'unsafe-inline'" not in policy.split("script-src")[1].split(";")[0]


def test_the_cookie_is_kept_from_scripts_and_other_sites(client: FlaskClient) -> None:
    answer = logged_in(client)
    assert "HttpOnly" in answer.headers["Set-Cookie"]
    assert "SameSite=Strict" in answer.headers["Set-Cookie"]
    assert TOKEN not in answer.headers["Set-Cookie"]


def test_files_keep_their_own_time_in_caches(open_client: FlaskClient) -> None:
    sheet = open_client.get("/login").text.split('rel="stylesheet" href="')[1].split('"')[0]
    assert "immutable" in open_client.get(sheet).headers["Cache-Control"]
    for name in ("../app.py", "..%2F..%2Fapp.py", "%2Fetc%2Fpasswd", "app.css%00"):
        assert open_client.get(f"/assets/0/{name}").status_code == 404
