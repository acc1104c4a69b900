"""What the file that the web app reads is made of: tables that are queries of published ones, and the champion."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models_ml.reports.panels import statement as statement_of_report
from models_ml.serving.scoring import columns_of, inputs_of
from warehouse.contract.tables import source_table

if TYPE_CHECKING:
    from collections.abc import Collection

    import pandas as pd

    from models_ml.portable.model import PortableModel

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
# What pages look up by: the columns of each index, the first of which names it.
INDICES = {
    "customers": (("user_id",), ("probability", "length", "user_id"), ("last_event_at",)),
    "predictions": (("user_id",), ("as_of_date", "model_version", "scored_at")),
    "sessions": (("user_id",),),
    "spells": (("user_id",),),
    "snapshots": (("user_id",),),
}
# Keys of an index as the list of customers is sorted: the highest risk first, of equal ones the shortest id.
SORTED = {"probability": '"probability" desc', "length": 'length("user_id")'}
# Past snapshots with known outcomes are kept of so many rows at most, of these users at these dates whatever the run.
PAST_ROWS = 20_000
# How an element stands in a BLOB: on all machines alike.
ELEMENT = np.dtype("<f8")
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


def tables_of(snapshots: pd.DataFrame, model: PortableModel | None) -> dict[str, pd.DataFrame | None]:
    """The tables that the rows of `snapshots` become: the newest with what pages show, and those of the past.

    Of the past there is what is compared alone: `past` has the champion's elements, `past_elements` their units.
    """
    newest = snapshots[snapshots["is_newest"].astype(bool)]
    inputs = inputs_of(model) if model else ()
    past, elements = _past(snapshots, model) if model else (None, None)
    return {"snapshots": packed(newest, inputs), "past": past, "past_elements": elements}


def _past(snapshots: pd.DataFrame, model: PortableModel) -> tuple[pd.DataFrame | None, pd.DataFrame | None]:
    """Snapshots with a known outcome: the elements, less their mean, in standard deviations, as doubles in a BLOB.

    None where no outcome is known.
    """
    known = _known(snapshots)
    if known.empty:
        return None, None
    rows: list[Any] = known.to_dict("records")
    elements = model.elements(columns_of(model, rows))
    mean, deviation = elements.mean(axis=0), elements.std(axis=0)
    # What is the same in all tells nothing of likeness, but keeps its own unit for who differs.
    deviation = np.where(deviation > 0, deviation, 1.0)
    standardised = ((elements - mean) / deviation).astype(ELEMENT)
    units = known.iloc[:0, :0].assign(element=model.element_names, mean=mean, deviation=deviation)
    return known[list(KEYS[:3])].assign(elements=[row.tobytes() for row in standardised]), units


def _known(snapshots: pd.DataFrame) -> pd.DataFrame:
    """The rows whose outcome is known, but of dates at which only those are known who left early.

    Who stays is known when the horizon is over.
    """
    known = snapshots[snapshots["outcome"].notna()]
    stayed = known["as_of_date"][~known["outcome"].astype(bool)]
    kept = known[known["as_of_date"] <= stayed.max()] if len(stayed) else known.iloc[:0]
    return kept.sort_values(["as_of_date", "user_id"])


def without_rows(text: str, table: str) -> str:
    """A statement as it answers where a table of the sources holds no row, whether or not there is such a table."""
    columns = ", ".join(f"cast(null as {kind}) as {name}" for name, kind in source_table(table).kinds.items())
    return text.replace(f"from {table}", f"from (select {columns} where false)")


def packed(snapshots: pd.DataFrame, inputs: Collection[str]) -> pd.DataFrame:
    """The rows of `snapshots` with the named features, and those of the form, as one JSON object each."""
    kept = [name for name in snapshots.columns if name in inputs or name in FORM_COLUMNS]
    lines = snapshots[kept].to_json(orient="records", lines=True, double_precision=15).splitlines()
    keys = [name for name in KEYS if name in snapshots.columns]
    return snapshots[keys].assign(features=lines)
