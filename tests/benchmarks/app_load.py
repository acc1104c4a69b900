"""How many requests a second `sparkhouse app` answers: python tests/benchmarks/app_load.py HOME [--seconds 60]."""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

# Of a hundred requests; the rest scores.
LISTS, CUSTOMERS = 40, 40
PROGRAM = Path(sys.executable).with_name("sparkhouse")


@dataclass
class Load:
    """What all threads saw: milliseconds by kind of request, and each answer that was wrong."""

    user_ids: list[str]
    milliseconds: dict[str, list[float]] = field(default_factory=lambda: {"list": [], "customer": [], "score": []})
    errors: list[str] = field(default_factory=list)


def main() -> None:
    """Start the app on a state folder, ask for some seconds, print what came of it, and end the app."""
    parser = argparse.ArgumentParser()
    parser.add_argument("home", type=Path)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--threads", type=int, default=8)
    asked = parser.parse_args()
    started = time.perf_counter()
    app = subprocess.Popen(
        [PROGRAM, "app", "--port", "0"],
        env=os.environ | {"SPARKHOUSE_HOME": str(asked.home.resolve())},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        port = _port(app)
        print(f"{'started in':>12}: {time.perf_counter() - started:.2f} s")
        load = Load(_user_ids(port))
        took = _ask_side_by_side(load, port, asked.seconds, asked.threads)
        _report(load, took, app.pid)
    finally:
        app.terminate()
        app.wait()


def _port(app: subprocess.Popen[str]) -> int:
    """The port that the app says it listens on."""
    line = app.stdout.readline() if app.stdout else ""
    return int(line.split("http://127.0.0.1:")[1].split("/")[0])


def _user_ids(port: int) -> list[str]:
    """The customers of the first pages."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    found: list[str] = []
    for page in range(1, 6):
        connection.request("GET", f"/api/v1/customers?limit=200&page={page}")
        found += [each["user_id"] for each in json.loads(connection.getresponse().read())["items"]]
    return found


def _ask_side_by_side(load: Load, port: int, seconds: float, threads: int) -> float:
    """Let so many callers ask at once; returns the seconds that it took."""
    started = time.perf_counter()
    callers = [
        threading.Thread(target=_ask, args=(load, port, started + seconds, random.Random(seed)))  # noqa: S311 - no secret
        for seed in range(threads)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    return time.perf_counter() - started


def _ask(load: Load, port: int, until: float, chance: random.Random) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    while time.perf_counter() < until:
        kind, method, path, body = _request(load, chance)
        started = time.perf_counter()
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            content = answer.read()
        except OSError as error:
            load.errors.append(f"{path}: {error}")
            connection.close()
            continue
        load.milliseconds[kind].append(1000 * (time.perf_counter() - started))
        if answer.status != http.HTTPStatus.OK:
            load.errors.append(f"{path}: {answer.status} {content[:200]!r}")


def _request(load: Load, chance: random.Random) -> tuple[str, str, str, str | None]:
    """The kind, method, path and body of a request."""
    which, user_id = chance.randrange(100), chance.choice(load.user_ids)
    if which < LISTS:
        filters = chance.choice(["", "&level=paid", "&decile=1", "&probability_min=0.1", "&search=1"])
        return "list", "GET", f"/api/v1/customers?limit=50&page={chance.randrange(1, 4)}{filters}", None
    if which < LISTS + CUSTOMERS:
        return "customer", "GET", f"/api/v1/customers/{quote(user_id, safe='')}", None
    songs, days = chance.randrange(2000), chance.randrange(40)
    row = {"level": "free", "song_count_lifetime": songs, "days_since_last_event": days}
    return "score", "POST", "/api/v1/score", json.dumps({"customers": [row]})


def _report(load: Load, took: float, pid: int) -> None:
    answered = sum(map(len, load.milliseconds.values()))
    print(f"{'requests':>12}: {answered} in {took:.1f} s, {answered / took:.0f} a second; {len(load.errors)} errors")
    for kind, times in load.milliseconds.items():
        ordered = sorted(times)
        p50, p95 = (ordered[int(share * len(ordered))] if ordered else float("nan") for share in (0.5, 0.95))
        print(f"{kind:>12}: p50 {p50:.1f} ms, p95 {p95:.1f} ms")
    print(f"{'memory':>12}: {_megabytes(pid)}")
    for error in load.errors[:10]:
        print(error)


def _megabytes(pid: int) -> str:
    """The resident memory of a process, where the system tells it."""
    status = Path(f"/proc/{pid}/status")
    lines = status.read_text(encoding="utf-8").splitlines() if status.exists() else []
    kilobytes = next((int(line.split()[1]) for line in lines if line.startswith("VmRSS")), None)
    return "not known" if kilobytes is None else f"{kilobytes / 1000:.0f} MB"


if __name__ == "__main__":
    main()
