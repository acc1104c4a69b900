"""`sparkhouse gate`: the rules in force, and the outages told of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.printing.console import print_rows

if TYPE_CHECKING:
    from expectations.limits import Limits, Rule

COLUMNS = ["rule", "kind", "severity", "limits", "origin"]
REASONS = ["reason", "source"]


def print_gate(limits: Limits, style: str) -> None:
    """Print the rules, and the outages as rows of a rule of their own; with their reasons as `csv` or `json`."""
    with_reasons = style != "table"
    rows = [_row(rule) for rule in limits.rules.values()]
    rows += [
        (
            f"outage {outage.first:%Y-%m-%d %H:%M} to {outage.until:%Y-%m-%d %H:%M} UTC",
            "",
            "",
            "",
            limits.place,
            outage.reason,
            "",
        )
        for outage in limits.outages
    ]
    columns = COLUMNS + REASONS if with_reasons else COLUMNS
    print_rows(columns, [row[: len(columns)] for row in rows], style)


def _row(rule: Rule) -> tuple[str, ...]:
    limits = ", ".join(f"{name} {value:g}" for name, value in rule.limits.items())
    return (rule.name, rule.kind, rule.severity, limits, rule.origin, rule.reason, rule.source)
