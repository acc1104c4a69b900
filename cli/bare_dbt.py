"""`dbt` of this environment: dbt's own command line, in the environment that Sparkhouse makes, on our Spark.

Without it, dbt would take up the variables of another project, start whichever Java and Spark the machine has, and keep
its logs and its cookie beside the models.
"""

from __future__ import annotations

import sys
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from cli.jobs.dbt import DBT_WRITERS, forget_other_project, needs_spark
from cli.machine.home import Home
from cli.runs.relocation import require_in_place
from cli.spark.session import start_spark
from cli.spark.sizing import held_bytes

if TYPE_CHECKING:
    from dbt_common.events.base_types import EventMsg


class BuiltModels:
    """What dbt tells of the models of one command as they end: status by table."""

    def __init__(self) -> None:
        self._statuses: dict[str, str] = {}

    def hear(self, event: EventMsg) -> None:
        """Take note of an event, if it is the end of a model."""
        if event.info.name == "NodeFinished" and event.data.node_info.resource_type == "model":
            relation = event.data.node_info.node_relation
            self._statuses[f"{relation.schema}.{relation.alias}"] = event.data.run_result.status

    @property
    def are_whole(self) -> bool:
        """Whether features and labels are among them, and none was broken or left out."""
        from warehouse.publishing.records import OF_A_BUILD

        return self._statuses.keys() >= OF_A_BUILD and set(self._statuses.values()) == {"success"}

    def record(self) -> None:
        """Record a whole build in monitoring.builds."""
        from dbt.flags import get_flags
        from dbt_common.invocation import get_invocation_id

        from warehouse.publishing.records import record_build

        # To compile a model ends it, too.
        if self.are_whole and get_flags().WHICH in DBT_WRITERS:  # type: ignore[no-untyped-call]
            record_build(start_spark(), get_invocation_id(), datetime.now(timezone.utc))


def main() -> None:
    """Run dbt's command line; `--project-dir` and `--profiles-dir` are ours unless given."""
    from cli.app import explain

    built = BuiltModels()
    try:
        home = Home.from_environment()
        require_in_place(home)
        forget_other_project()
        if needs_spark(sys.argv[1:]):
            start_spark(held_bytes(home))
        from dbt.cli.main import cli

        try:
            cli(obj={"callbacks": [built.hear]})
        finally:
            built.record()
    except Exception as error:  # noqa: BLE001 - as of every command: a message and an exit code
        sys.exit(explain(error))
