"""How much `sparkhouse app` answers at 22,277 users, beside a plain Flask page with pandas and a pickled model.

    python tests/benchmarks/app_load.py [--home STATE_FOLDER] [--seconds 60] [--threads 8]

The users are those of a state folder, copied up; without one, those of the tests' made store. Three loads follow each
other, each a mix of 40 % lists, 40 % customers and 20 % scores of one: the API, the app's pages, and the plain pages.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).parents[1] / "helpers"))

from big_store import big_store
from plain_flask import write_inputs
from serving_store import small_store

from models_ml.serving.answers.customers import SORTS
from models_ml.serving.store import Stores
from models_ml.serving.store_file import POINTER, SUFFIX

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models_ml.serving.store import Store

    Request = tuple[str, str, str | None]

# Of a hundred requests; the rest scores.
LISTS, CUSTOMERS = 40, 40
PROGRAM = Path(sys.executable).with_name("sparkhouse")
PLAIN = Path(__file__).with_name("plain_flask.py")
START_SECONDS = 60
SHOWN_ERRORS = 5
WARM_TIMES = 5
API, PAGES = "/api/v1/customers", "/customers"
# What both have to filter by, of each address of the list.
FILTERS = {
    API: ("", "&level=paid", "&decile=1", "&probability_min=0.1", "&search=1"),
    PAGES: ("", "&level=paid", "&decile=1", "&probability_from=0.1", "&q=1"),
}


@dataclass
class Load:
    """What all callers saw of an address: milliseconds by kind of request, and each answer that was wrong."""

    port: int
    address: str
    user_ids: list[str]
    milliseconds: dict[str, list[float]] = field(default_factory=lambda: {"list": [], "customer": [], "score": []})
    errors: list[str] = field(default_factory=list)
    took: float = 0.0

    @property
    def rate(self) -> float:
        """Right answers a second."""
        return sum(map(len, self.milliseconds.values())) / self.took

    def middle(self, kind: str) -> float:
        """The median of a kind, in milliseconds."""
        return _quantile(self.milliseconds[kind], 0.5)


def main() -> None:
    """Make the store, load both servers one after the other, and print what came of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", type=Path)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--threads", type=int, default=8)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        store = _made(asked.home, home)
        ids = [row["user_id"] for row in store.rows("select user_id from customers order by random() limit 1000")]
        loading = partial(_loaded, ids=ids, seconds=asked.seconds, threads=asked.threads)
        with _served([str(PROGRAM), "app", "--port"], home) as (process, port):
            _tell_milliseconds(port, home / "serving", ids)
            api = loading("sparkhouse app, API", process, port, API)
            pages = loading("sparkhouse app, pages", process, port, PAGES)
        write_inputs(store, home)
        with _served([sys.executable, str(PLAIN), str(home)], home) as (process, port):
            plain = loading("plain Flask, pages", process, port, PAGES)
    rates = [f"{title} {load.rate / plain.rate:.1f}" for title, load in (("API", api), ("pages", pages))]
    print(f"requests a second, over those of plain Flask: {', '.join(rates)}")
    ratios = [f"{kind} {plain.middle(kind) / pages.middle(kind):.1f}" for kind in plain.milliseconds]
    print(f"plain Flask's median time, over that of the pages: {', '.join(ratios)}")


def _made(source: Path | None, home: Path) -> Store:
    """The store of many users in a state folder of its own."""
    if source is None:
        small_store(home / "small")
    small = Stores(source / "serving" if source else home / "small").newest()
    big_store(small, home / "serving")
    store = Stores(home / "serving").newest()
    counts = {name: (store.row(f"select count(*) as n from {name}") or {})["n"] for name in ("customers", "past")}
    print(f"{counts['customers']:,} users, {counts['past']:,} past snapshots, {store.path.stat().st_size / 1e6:.0f} MB")
    return store


@contextmanager
def _served(command: list[str], home: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run a server on a free port until the block ends; says how long it took to answer."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = time.perf_counter()
    environment = os.environ | {"SPARKHOUSE_HOME": str(home)}
    quiet = subprocess.DEVNULL
    process = subprocess.Popen([*command, str(port)], env=environment, stdout=quiet, stderr=quiet)
    try:
        _wait(port, started + START_SECONDS)
        print(f"{Path(command[0]).name} {Path(command[1]).name}: answers after {time.perf_counter() - started:.2f} s")
        yield process, port
    finally:
        process.terminate()
        process.wait()


def _wait(port: int, until: float) -> None:
    """Return as soon as the list is answered. Raises OSError where it is not until then."""
    while not _answers(port):
        if time.perf_counter() > until:
            raise OSError(f"No answer on port {port}")
        time.sleep(0.02)


def _answers(port: int) -> bool:
    try:
        _ask(http.client.HTTPConnection("127.0.0.1", port), ("GET", PAGES, None))
    except OSError:
        return False
    return True


def _tell_milliseconds(port: int, serving: Path, ids: list[str]) -> None:
    """Print what each page takes as the first after a publication, and after that: the median of five."""
    for title, request in _single_requests(ids).items():
        _publish_again(serving)
        connection = http.client.HTTPConnection("127.0.0.1", port)
        cold, *warm = [_milliseconds(connection, request) for _ in range(1 + WARM_TIMES)]
        print(f"{title:>40}: first {cold:6.1f} ms, then {_quantile(warm, 0.5):6.1f} ms")


def _single_requests(ids: list[str]) -> dict[str, Request]:
    """One request of each page, of the CSV and of the scores, by what it is called."""
    lists = [f"{PAGES}?sort={name}" for name in SORTS] + [f"{PAGES}?{each[1:]}" for each in FILTERS[PAGES] if each]
    paths = ["/", *lists, f"{PAGES}?page=400", "/score", "/campaign", "/model", "/upload", "/customers.csv"]
    pages: dict[str, Request] = {path: ("GET", path, None) for path in paths}
    pages[f"{PAGES}/ID"] = ("GET", f"{PAGES}/{quote(ids[0], safe='')}", None)
    scored = {f"API score of {rows:,}": _score(random.Random(0), rows) for rows in (1, 1000)}  # noqa: S311 - no secret
    return pages | scored


def _publish_again(serving: Path) -> None:
    """Give the newest file another name, as another publication has: nothing that is kept of it counts any more."""
    old = serving / (serving / POINTER).read_text()
    new = serving / f"{time.time_ns()}{SUFFIX}"
    shutil.copyfile(old, new)
    new_pointer = serving / "pointer.draft"
    new_pointer.write_text(new.name)
    new_pointer.replace(serving / POINTER)
    old.unlink()


def _loaded(
    title: str,
    process: subprocess.Popen[bytes],
    port: int,
    address: str,
    *,
    ids: list[str],
    seconds: float,
    threads: int,
) -> Load:
    """Let so many callers ask at once for so long, and print what they saw."""
    load = Load(port, address, ids)
    started = time.perf_counter()
    chances = [random.Random(seed) for seed in range(threads)]  # noqa: S311 - no secret
    callers = [threading.Thread(target=_call, args=(load, started + seconds, chance)) for chance in chances]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    load.took = time.perf_counter() - started
    _tell(title, load, process.pid)
    return load


def _call(load: Load, until: float, chance: random.Random) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", load.port, timeout=30)
    while time.perf_counter() < until:
        kind, request = _drawn(load, chance)
        try:
            took = _milliseconds(connection, request)
        except (OSError, http.client.HTTPException) as error:
            load.errors.append(f"{request[1]}: {error}")
            connection.close()
        else:
            load.milliseconds[kind].append(took)


def _drawn(load: Load, chance: random.Random) -> tuple[str, Request]:
    """The kind of a request, and the request."""
    which = chance.randrange(100)
    if which < LISTS:
        filters = chance.choice(FILTERS[load.address])
        return "list", ("GET", f"{load.address}?page={chance.randrange(1, 4)}{filters}", None)
    if which < LISTS + CUSTOMERS:
        return "customer", ("GET", f"{load.address}/{quote(chance.choice(load.user_ids), safe='')}", None)
    return "score", _score(chance, 1)


def _score(chance: random.Random, rows: int) -> Request:
    told = [
        {
            "level": "free",
            "song_count_lifetime": chance.randrange(2000),
            "days_since_last_event": chance.randrange(40),
        }
        for _ in range(rows)
    ]
    return "POST", "/api/v1/score", json.dumps({"customers": told})


def _milliseconds(connection: http.client.HTTPConnection, request: Request) -> float:
    """How long the right answer to a request takes. Raises OSError: it is another, or none."""
    started = time.perf_counter()
    _ask(connection, request)
    return 1000 * (time.perf_counter() - started)


def _ask(connection: http.client.HTTPConnection, request: Request) -> None:
    method, path, body = request
    connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
    answer = connection.getresponse()
    content = answer.read()
    if answer.status != http.HTTPStatus.OK:
        raise OSError(f"{answer.status} {content[:200]!r}")


def _tell(title: str, load: Load, pid: int) -> None:
    answered = f"{load.rate:.0f} requests a second for {load.took:.0f} s"
    print(f"{title}: {answered}, {len(load.errors)} errors, {_megabytes(pid)}")
    for kind, times in load.milliseconds.items():
        p50, p95, p99 = (_quantile(times, share) for share in (0.5, 0.95, 0.99))
        print(f"{kind:>12}: p50 {p50:.1f} ms, p95 {p95:.1f} ms, p99 {p99:.1f} ms")
    for error in load.errors[:SHOWN_ERRORS]:
        print(error)


def _quantile(values: list[float], share: float) -> float:
    return sorted(values)[int(share * len(values))] if values else float("nan")


def _megabytes(pid: int) -> str:
    """The resident memory of a process, where the system tells it."""
    status = Path(f"/proc/{pid}/status")
    lines = status.read_text(encoding="utf-8").splitlines() if status.exists() else []
    kilobytes = next((int(line.split()[1]) for line in lines if line.startswith("VmRSS")), None)
    return "memory not known" if kilobytes is None else f"{kilobytes / 1000:.0f} MB"


if __name__ == "__main__":
    main()
