"""`sparkhouse`: the list of commands. Exit codes: 0 ok, 1 a check failed, 2 could not run."""

from __future__ import annotations

import sys
import traceback

import typer

from cli.commands import models, publishing, questions, servers, warehouse
from cli.health.machine_faults import told_faults
from cli.jobs.checks import CheckFailed
from cli.jobs.dbt import CHECK_FAILED, COULD_NOT_RUN
from cli.machine.home import Home, InvalidSetting
from cli.printing.console import accept_all_text, flush
from warehouse.contract.cells import LINES, visible
from warehouse.contract.errors import SparkhouseError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A point-in-time feature warehouse and churn model job for the Sparkify event log, on Spark. "
    "State lives under $SPARKHOUSE_HOME (default ./var). "
    "Exit codes: 0 ok, 1 a check failed, 2 could not run.",
)
for command in (
    warehouse.run,
    warehouse.simulate,
    warehouse.ingest,
    warehouse.build,
    warehouse.validate,
    warehouse.prove_point_in_time,
    warehouse.training_set,
    models.train,
    models.predict,
    models.compare_imbalance,
    models.backtest,
    models.evaluate,
    models.reproduce,
    models.campaign,
    models.campaign_effect,
    publishing.publish,
    publishing.rollback,
    publishing.maintain,
    questions.sql,
    questions.tables,
    questions.report,
    servers.app,
    questions.features,
    questions.gate,
    questions.doctor,
    questions.licences,
):
    app.command()(command)
# What follows `sparkhouse dbt` is dbt's, its --help too.
app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})(
    warehouse.dbt
)
app.add_typer(models.models_app, name="models")
app.add_typer(publishing.runs_app, name="runs")
app.add_typer(servers.sql_server_app, name="sql-server")


def main() -> None:
    """Run the command line; turn errors into exit codes."""
    accept_all_text()
    try:
        app()
    except Exception as error:  # noqa: BLE001 - the last handler: every error becomes a message and an exit code
        sys.exit(explain(error))
    finally:
        flush()


def explain(error: Exception) -> int:
    """Print an error to standard error, return the exit code it stands for.

    Ours are told as they are, and what befell the machine or the files with what to do about it; all others whole.
    """
    messages = [str(error)] if isinstance(error, InvalidSetting) else told_faults(error, Home.from_environment())
    if messages:
        print(*(f"sparkhouse: {visible(each, keep=LINES)}" for each in messages), sep="\n", file=sys.stderr)
        return COULD_NOT_RUN
    if isinstance(error, SparkhouseError):
        print(f"sparkhouse: {visible(str(error), keep=LINES)}", file=sys.stderr)
    else:
        traceback.print_exception(error)
    return CHECK_FAILED if isinstance(error, CheckFailed) else COULD_NOT_RUN
