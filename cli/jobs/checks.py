"""Checks that stop a command, and what it says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.jobs.dbt import DbtFailed
from warehouse.contract.errors import SparkhouseError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.jobs.dbt import DbtOutcome

SHOWN = 10


class CheckFailed(SparkhouseError):
    """A dbt test or an expectation failed: the command ends with exit code 1."""


def summary(failures: Sequence[str], run_id: str) -> str:
    """The first failures, a line each, and where the others are."""
    lines = list(failures[:SHOWN])
    if len(failures) > SHOWN:
        query = f"select * from monitoring.validation_results where run_id = '{run_id}' and not success"  # noqa: S608
        lines.append(f'and {len(failures) - SHOWN} more: sparkhouse sql "{query}"')
    return "\n".join(lines)


def raise_failed(outcome: DbtOutcome) -> None:
    """Raise what a dbt outcome with a non-zero exit code means."""
    broken = outcome.of("error", "runtime error")
    if broken or outcome.error:
        raise DbtFailed("\n".join([outcome.error, *(f"{node.name}: {node.message}" for node in broken)]).strip())
    raise CheckFailed("\n".join(f"{node.name}: {node.message}" for node in outcome.of("fail")))
