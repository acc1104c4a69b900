"""What the file that the web app reads is made of: tables that are queries of published ones, and the champion."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from models_ml.reports.panels import statement as statement_of_report

if TYPE_CHECKING:
    from collections.abc import Collection

    import pandas as pd

QUERIES = Path(__file__).parent / "queries"
# Tables that are queries of this room, and those that are queries of the report.
OWN = ("customers", "predictions", "sessions", "spells", "snapshots", "population", "versions")
OF_REPORT = {
    "days": "service/service_days",
    "findings": "overview/findings",
    "campaigns": "predictions/campaigns",
    "outcomes": "predictions/outcomes_by_snapshot",
    "drift": "checks/drift",
}
TABLES = (*OWN, *OF_REPORT)
# What pages look up by: the first is each table's key or begins with it.
INDICES = {
    "customers": ("user_id", "probability", "last_event_at"),
    "predictions": ("user_id",),
    "sessions": ("user_id",),
    "spells": ("user_id",),
    "snapshots": ("user_id",),
}
# Past snapshots with known outcomes are kept of so many rows at most, of these users at these dates whatever the run.
PAST_ROWS = 20_000
# Of the rows of `snapshots`, the columns that are no feature.
KEYS = ("user_id", "as_of_date", "outcome", "is_newest")
# What the form for a new customer asks for, by the column of the features that holds it.
FORM_COLUMNS = (
    "gender",
    "level",
    "state",
    "device_family",
    "days_since_registration",
    "days_since_first_event",
    "days_since_last_event",
    "session_count_lifetime",
    "song_count_lifetime",
    "advert_count_lifetime",
    "thumbs_up_count_lifetime",
    "thumbs_down_count_lifetime",
    "friend_add_count_lifetime",
    "playlist_add_count_lifetime",
)


@dataclass(frozen=True)
class Publication:
    """The state that a file shows: `run_id` published it; the champion of `label` scores in it, None where none is."""

    run_id: str
    published_at: str
    written_at: str
    label: str
    horizon_days: int | None
    model_version: str | None
    model: str | None


def statement(table: str, label: str, known_rows: int = 0) -> str:
    """The SQL of a table of the file, about a label; `known_rows` snapshots of users have a known outcome."""
    if table in OF_REPORT:
        return statement_of_report(OF_REPORT[table], label)
    text = (QUERIES / f"{table}.sql").read_text(encoding="utf-8").strip()
    share = min(1000, PAST_ROWS * 1000 // max(1, known_rows))
    return text.replace("{label}", label).replace("{past_per_mille}", str(share))


def packed(snapshots: pd.DataFrame, inputs: Collection[str]) -> pd.DataFrame:
    """The rows of `snapshots` with the named features, and those of the form, as one JSON object each."""
    kept = [name for name in snapshots.columns if name in inputs or name in FORM_COLUMNS]
    lines = snapshots[kept].to_json(orient="records", lines=True, double_precision=15).splitlines()
    keys = [name for name in KEYS if name in snapshots.columns]
    return snapshots[keys].assign(features=lines)
