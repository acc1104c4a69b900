"""Fifty clients read while a run publishes, is rolled back, and tables are tended: no answer fails, and none is wrong.

Each answer is whole of one publication, and as soon as there is a newer one, of that.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from planted import LABEL, LINEAR, NAMES, NEWEST, USERS, plant

from cli.jobs import exporting, modelling, publishing
from cli.jobs.workspace import Workspace
from cli.runs.steps import Steps
from cli.servers.app_server import make_server
from models_ml.registry.promotion import FORCE
from models_ml.serving.store import Stores
from models_ml.spec.training_spec import TrainingSpec
from models_ml.training.job import train

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyspark.sql import SparkSession

    from cli.machine.home import Home

CLIENTS, SECONDS_TO_SHOW = 50, 5
# Each client thinks for a moment: all of them together take what two cores have beside Spark.
PAUSE = 0.25
SCORED = [f"{user:04}" for user in range(5)]
REQUESTS: tuple[tuple[str, str, dict[str, Any] | None], ...] = (
    ("GET", "/api/v1/publication", None),
    ("GET", "/api/v1/customers?limit=20", None),
    ("GET", f"/api/v1/customers/{SCORED[0]}", None),
    ("POST", "/api/v1/score", {"user_ids": SCORED}),
)
CUSTOMERS = """
create table marts.dim_users using iceberg as
select
    user_id, 'paid' as level, 'CA' as state, 'Los Angeles' as metro, 'F' as gender, 'Mac' as device_family,
    min(last_event_at) as registered_at, min(last_event_at) as first_event_at, max(last_event_at) as last_event_at,
    cast(null as timestamp) as cancelled_at, false as is_churned
from marts.fct_user_features
group by user_id
"""
NEWCOMER = """
insert into marts.dim_users
select
    'newcomer', level, state, metro, gender, device_family, registered_at, first_event_at, last_event_at, cancelled_at,
    is_churned
from marts.dim_users
where user_id = '0001'
"""


@dataclass(frozen=True)
class State:
    """What a publication holds, by SQL: users are those that are scored, with their probabilities."""

    run_id: str
    model_version: str
    customers: int
    probabilities: dict[str, float]


@dataclass(frozen=True)
class Answer:
    """What a client was told: under the tag of a publication, where it is no POST."""

    path: str
    begun_at: float
    status: int
    tag: str
    content: Any


@dataclass
class Clients:
    """Threads that ask until they are told to stop, and what they heard."""

    port: int
    answers: list[Answer] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def ask(self, first: int) -> None:
        """Ask one thing after the other, from one of them on."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        turn = first
        while not self.ended.wait(PAUSE):
            try:
                self.answers.append(asked(connection, *REQUESTS[turn % len(REQUESTS)]))
            except Exception as error:  # noqa: BLE001 - whatever it is, a client was left without an answer
                self.faults.append(repr(error))
                return
            turn += 1

    def wait_for(self, tag: str) -> None:
        """Wait until somebody is told of a publication."""
        by = time.monotonic() + SECONDS_TO_SHOW
        while not any(answer.tag == tag for answer in list(self.answers)):
            assert time.monotonic() < by, f"{tag} was not shown within {SECONDS_TO_SHOW} s; {self.faults[:3]}"
            time.sleep(0.02)


def asked(connection: http.client.HTTPConnection, method: str, path: str, body: dict[str, Any] | None) -> Answer:
    begun_at = time.monotonic()
    headers = {"Content-Type": "application/json"} if body else {}
    connection.request(method, path, json.dumps(body) if body else None, headers)
    response = connection.getresponse()
    content = json.loads(response.read())
    return Answer(path, begun_at, response.status, (response.headers["ETag"] or "").strip('"'), content)


@contextmanager
def reading(home: Home) -> Iterator[Clients]:
    """Let all clients ask the server of a state folder meanwhile."""
    server = make_server(home, "127.0.0.1", 0, None, read_only=False)
    clients = Clients(int(server.effective_port))
    threads = [threading.Thread(target=clients.ask, args=(number,)) for number in range(CLIENTS)]
    serving = threading.Thread(target=server.run)
    for thread in (serving, *threads):
        thread.start()
    try:
        yield clients
    finally:
        clients.ended.set()
        for thread in threads:
            thread.join()
        server.close()
        serving.join(timeout=30)


@pytest.fixture
def published(empty_warehouse: SparkSession, home: Home) -> Callable[[], tuple[str, State]]:
    """One publication of scored customers; called, what the newest is by SQL, and its tag."""
    for old in home.serving.glob("*"):
        old.unlink()
    plant(empty_warehouse)
    empty_warehouse.sql(CUSTOMERS)
    publish(empty_warehouse, home, "first", LINEAR)

    def newest() -> tuple[str, State]:
        store = Stores(home.serving).newest()
        rows = empty_warehouse.sql(
            "select model_version, user_id, churn_probability from ml.churn_predictions"
        ).collect()
        (version,) = {row.model_version for row in rows if row.model_version == store.publication.model_version}
        probabilities = {row.user_id: row.churn_probability for row in rows if row.model_version == version}
        return store.etag, State(
            store.publication.run_id, version, empty_warehouse.table("marts.dim_users").count(), probabilities
        )

    return newest


def publish(spark: SparkSession, home: Home, run_id: str, algorithms: tuple[str, ...]) -> None:
    """What a run does from the training on: the warehouse is as planted, and has a newcomer in the second run."""
    workspace = Workspace(spark, home, Steps(quiet=True, run_id=run_id))
    with exporting.followed(workspace), publishing.on_branch(workspace):
        train(spark, TrainingSpec(label=LABEL, algorithms=algorithms), home.mlflow, NAMES, FORCE)
        modelling.predict(workspace, LABEL, NEWEST)
        if run_id != "first":
            spark.sql(NEWCOMER)
        publishing.publish(workspace)


def test_fifty_clients_see_whole_publications_while_others_write(
    empty_warehouse: SparkSession,
    home: Home,
    published: Callable[[], tuple[str, State]],
    sparkhouse: Callable[..., int],
) -> None:
    states = dict([published()])
    shown_at = dict.fromkeys(states, 0.0)

    def note() -> None:
        now = time.monotonic()
        tag, state = published()
        clients.wait_for(tag)
        shown_at.setdefault(tag, now)
        states.setdefault(tag, state)

    with reading(home) as clients:
        note()
        publish(empty_warehouse, home, "second", ("decision_tree",))
        note()
        assert sparkhouse("rollback", "second", "--quiet") == 0
        note()
        assert sparkhouse("maintain", "--keep-days", "0", "--quiet") == 0
        note()

    assert clients.faults == []
    before, between, after = states.values()
    assert (before.run_id, between.run_id, before.customers, between.customers) == ("first", "second", USERS, USERS + 1)
    assert before.model_version == after.model_version != between.model_version
    assert before.probabilities == after.probabilities != between.probabilities
    assert len(clients.answers) > 4 * CLIENTS
    for answer in clients.answers:
        assert answer.status == 200, answer
        assert_whole(answer, states)
        newest_then = [tag for tag in shown_at if shown_at[tag] <= answer.begun_at][-1]
        assert not answer.tag or list(states).index(answer.tag) >= list(states).index(newest_then)
    for path in (path for method, path, _ in REQUESTS if method == "GET"):
        assert {answer.tag for answer in clients.answers if answer.path == path} == set(states), path


def assert_whole(answer: Answer, states: dict[str, State]) -> None:
    """All that an answer says is of the publication that it names; a score names the version that scored."""
    content = answer.content
    of_version = {state.model_version: state for state in states.values()}
    state = states[answer.tag] if answer.tag else of_version[content["model_version"]]
    if answer.path.endswith("/publication"):
        assert (content["run_id"], content["model_version"]) == (state.run_id, state.model_version)
    elif answer.path.endswith("/score"):
        found = {each["user_id"]: each["probability"] for each in content["scores"]}
        assert found == pytest.approx(state.probabilities, abs=1e-12)
    elif "limit" in answer.path:
        rows = [each for each in content["items"] if each["probability"] is not None]
        assert content["total"] == state.customers
        assert {each["user_id"]: each["probability"] for each in rows} == state.probabilities
        assert {each["model_version"] for each in rows} == {state.model_version}
    else:
        who, predictions = content["customer"], content["predictions"]
        assert who["probability"] == state.probabilities[who["user_id"]]
        assert predictions[0]["model_version"] == who["model_version"] == state.model_version
        assert len({each["model_version"] for each in predictions}) == len(predictions)
