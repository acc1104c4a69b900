"""`dbt` of this environment: dbt's own command line, in the environment that Sparkhouse makes, on our Spark.

Without it, dbt would take up the variables of another project, start whichever Java and Spark the machine has, and keep
its logs and its cookie beside the models.
"""

from __future__ import annotations

import sys

from cli.jobs.dbt import needs_spark
from cli.machine.home import Home
from cli.runs.relocation import require_in_place
from cli.spark.session import start_spark


def main() -> None:
    """Run dbt's command line; `--project-dir` and `--profiles-dir` are ours unless given."""
    from cli.app import explain

    try:
        require_in_place(Home.from_environment())
        if needs_spark(sys.argv[1:]):
            start_spark()
    except Exception as error:  # noqa: BLE001 - as of every command: a message and an exit code
        sys.exit(explain(error))
    from dbt.cli.main import cli

    cli()
