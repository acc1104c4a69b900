"""dbt inside this process, on the session that runs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cli.machine.environment import DBT_PROJECT
from cli.spark.session import start_spark
from warehouse.contract.errors import SparkhouseError
from warehouse.contract.files import hash_of_files, replace_file

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from dbt.contracts.graph.manifest import Manifest
    from dbt_common.events.base_types import EventMsg

CHECK_FAILED, COULD_NOT_RUN = 1, 2
# Of a writing command, the tables that it wrote are audited on its branch and published.
DBT_WRITERS = frozenset({"build", "run", "seed"})
DBT_READERS = frozenset({"compile", "docs", "show", "source", "test"})
DBT_OFFLINE = frozenset({"clean", "debug", "deps", "init", "list", "ls", "parse"})
_BARE = (
    "on a branch it would leave half of it behind. Bare dbt does it on the published tables, seen by readers at once"
)
DBT_REFUSED = {
    "retry": "it would build the rest of a failed build without its first part: run `sparkhouse build` again",
    "clone": _BARE,
    "run-operation": _BARE,
    "snapshot": _BARE,
}
TESTS = ("test", "unit_test")
PROJECT_FILES = {".yml", ".sql", ".md"}
STORE_FAILURES = "--store-failures"

# dbt would start a JVM of its own making for these.
DBT_QUERIES = DBT_WRITERS | {"compile", "docs", "freshness", "show", "source", "test"}


@dataclass(frozen=True)
class DbtNode:
    """A model or test that dbt ran: `status` is dbt's word (success, pass, fail, error, skipped ...).

    `relation` is the schema and name of a model's table, `tested` the model or source that a test is about, None of a
    test about several. `sql` is what was compiled, None of a unit test.
    """

    name: str
    kind: str
    status: str
    message: str
    relation: str | None = None
    tested: str | None = None
    column_name: str | None = None
    description: str = ""
    sql: str | None = None
    failure_count: int | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class DbtOutcome:
    """What a dbt command did; `exit_code` is 0 ok, 1 a test failed, 2 could not run."""

    exit_code: int
    nodes: tuple[DbtNode, ...]
    error: str = ""

    def of(self, *statuses: str) -> list[DbtNode]:
        return [node for node in self.nodes if node.status in statuses]


class DbtRefused(SparkhouseError, ValueError):
    """A dbt command that could leave tables behind which no audit has seen."""


def dbt_command(arguments: Sequence[str]) -> str | None:
    """Return the command among dbt's arguments; None for options alone. Raises DbtRefused."""
    known = DBT_WRITERS | DBT_READERS | DBT_OFFLINE | DBT_REFUSED.keys()
    command = next((each for each in arguments if each in known), None)
    if command in DBT_REFUSED:
        raise DbtRefused(f"dbt {command} is not run here: {DBT_REFUSED[command]}")
    if command and STORE_FAILURES in arguments:
        raise DbtRefused(
            f"dbt {command} {STORE_FAILURES} is not run here: it writes tables that no run publishes; the failing rows "
            "are what the test selects, and `sparkhouse dbt compile` shows that query"
        )
    return command


class DbtFailed(SparkhouseError):
    """dbt could not run: a model with an error, a bad project, an unknown selector."""


def needs_spark(arguments: Sequence[str]) -> bool:
    """Whether a dbt command may ask the warehouse something."""
    return bool(DBT_QUERIES & set(arguments)) and not {"-h", "--help", "serve"} & set(arguments)


def forget_other_project() -> None:
    """Let dbt read the whole project where its files are not those that it has read last in this state folder.

    Of files that have changed it reads these alone, and keeps unit tests that are gone: their models are not, or not
    the same, and a build would fail.
    """
    folder = Path(os.environ["SPARKHOUSE_HOME"]) / "dbt"
    hashed, known = hash_of_files(DBT_PROJECT, PROJECT_FILES), folder / "project.sha256"
    if known.exists() and known.read_text() == hashed:
        return
    for read in folder.glob("*/partial_parse.msgpack"):
        read.unlink()
    replace_file(known, hashed.encode())


def parsed() -> Manifest:
    """Return our project as dbt reads it. Raises DbtFailed."""
    from dbt.cli.main import dbtRunner

    forget_other_project()
    invoked = dbtRunner().invoke(["--log-level", "none", "parse"])
    if not invoked.success:
        raise DbtFailed(str(invoked.exception))
    return invoked.result  # type: ignore[return-value]


def run_dbt(
    arguments: Sequence[str], on_start: Callable[[str], None] | None = None, manifest: Manifest | None = None
) -> DbtOutcome:
    """Run one dbt command on our project and profile, whatever the working directory; `on_start` hears of each node.

    A `manifest` that was parsed before is good for one command, which leaves in it what it has compiled.
    `Home.from_environment()` has to come first: it names them to dbt, and keeps away what dbt reads for other projects.
    """
    from dbt.cli.exceptions import DbtUsageException
    from dbt.cli.main import dbtRunner

    def listen(event: EventMsg) -> None:
        if on_start and event.info.name == "LogStartLine":
            on_start(f"{event.data.index} of {event.data.total}, {event.data.description}")

    forget_other_project()
    if needs_spark(arguments):
        start_spark()
    invoked = dbtRunner(manifest=manifest, callbacks=[listen]).invoke(list(arguments))
    nodes = tuple(_node(each) for each in getattr(invoked.result, "results", ()) if hasattr(each, "node"))
    if isinstance(invoked.exception, KeyboardInterrupt):
        raise invoked.exception
    if isinstance(invoked.exception, DbtUsageException):
        # Of all that ends dbt, it does not print this itself.
        raise DbtFailed(str(invoked.exception))
    if invoked.success:
        return DbtOutcome(0, nodes)
    if invoked.exception or any(node.status in {"error", "runtime error"} for node in nodes):
        return DbtOutcome(COULD_NOT_RUN, nodes, str(invoked.exception or ""))
    return DbtOutcome(CHECK_FAILED, nodes)


def _node(result: Any) -> DbtNode:  # noqa: ANN401 - of dbt, which has a class for each kind of result and of node
    node = result.node
    kind: str = node.resource_type.value
    return DbtNode(
        name=node.name,
        kind=kind,
        status=str(result.status),
        message=result.message or "",
        relation=getattr(node, "relation_name", None),
        tested=_tested(node),
        column_name=getattr(node, "column_name", None),
        description=node.description,
        sql=None if kind == "unit_test" else getattr(node, "compiled_code", None),
        failure_count=result.failures,
        seconds=float(result.execution_time),
    )


def _tested(node: Any) -> str | None:  # noqa: ANN401 - as above
    """What a test is about: the model that its YAML stands at, or the only one that it reads."""
    if node.resource_type.value not in TESTS:
        return None
    inputs = node.depends_on.nodes
    about = getattr(node, "tested_node_unique_id", None) or getattr(node, "attached_node", None)
    return _called(about or inputs[0]) if about or len(inputs) == 1 else None


def _called(unique_id: str) -> str:
    """What people call a node of dbt's, such as fct_sessions or, of a source, raw.events."""
    kind, _, name = unique_id.split(".", 2)
    return name if kind == "source" else name.partition(".")[0]
