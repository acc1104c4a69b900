"""What a chart drew: its figure, its table, its words; and checks of an audit for charts to draw."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from models_ml.reports.drawing import Drawing

AT = datetime(2026, 11, 30, 6, 12)  # noqa: DTZ001 - as Spark gives it: UTC without a zone


def drawn(drawing: Drawing) -> go.Figure:
    """Its figure, which it has."""
    assert drawing.figure is not None
    return drawing.figure


def table_in(drawing: Drawing) -> pd.DataFrame:
    """Its own table, which it has."""
    assert drawing.table is not None
    return drawing.table


def text(drawing: Drawing) -> str:
    """What it says, without markup."""
    return drawing.says.striptags()


def check(rule: str, **changed: object) -> dict[str, object]:
    """A check of a rule that holds, but for what is given."""
    return {
        "run_id": "run-2",
        "validated_at": AT,
        "suite": rule.split(".", maxsplit=1)[0],
        "rule": rule,
        "severity": "stop",
        "success": True,
        "is_error": False,
        "table_name": "raw.events",
        "column_name": None,
        "observed_value": "12",
        "expected": "at least 1",
        "element_count": 1200,
        "unexpected_count": None,
        "examples": "",
        "remedy": "Deliver it anew",
        "accepted": None,
    } | changed
