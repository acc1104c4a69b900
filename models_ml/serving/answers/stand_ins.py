"""Customers as somebody could be of whom only some things are known: what is not said is as it is with others."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from models_ml.serving.answers.scoring_fields import FIELDS
from models_ml.serving.contents import FORM_COLUMNS
from models_ml.serving.scoring import columns_of
from models_ml.serving.store import kept_by_store

if TYPE_CHECKING:
    from models_ml.portable.arrays import Floats
    from models_ml.portable.model import PortableModel
    from models_ml.portable.rate import Columns
    from models_ml.serving.answers.scoring_fields import Said
    from models_ml.serving.store import Store

# So many users stand for all: the spread of their values is that of the population.
MOST_OTHERS = 500
# Users of the level that was said stand in alone where there are so many.
LEAST_ALIKE = 30
TEXTS = ("gender", "level", "state", "device_family")
# What is not said of a count is others' rate of it by its exposure, times the exposure; an exposure comes first.
EXPOSURES = {
    "session_count_lifetime": "days_observed",
    "song_count_lifetime": "days_observed",
    "free_song_count_lifetime": "song_count_lifetime",
    "paid_song_count_lifetime": "song_count_lifetime",
    "advert_count_lifetime": "song_count_lifetime",
    "free_advert_count_lifetime": "free_song_count_lifetime",
    "paid_advert_count_lifetime": "paid_song_count_lifetime",
    "thumbs_up_count_lifetime": "song_count_lifetime",
    "thumbs_down_count_lifetime": "song_count_lifetime",
    "friend_add_count_lifetime": "song_count_lifetime",
    "playlist_add_count_lifetime": "song_count_lifetime",
    "upgrade_page_count_lifetime": "free_song_count_lifetime",
    "downgrade_page_count_lifetime": "paid_song_count_lifetime",
    "upgrade_count_lifetime": "upgrade_page_count_lifetime",
    "downgrade_count_lifetime": "downgrade_page_count_lifetime",
}
SPLIT = {"songs": "song_count_lifetime", "adverts": "advert_count_lifetime"}


@kept_by_store
def others(store: Store, model: PortableModel) -> Columns:
    """Users of the newest snapshot, at most 500 drawn evenly, by column; one of medians where there is none."""
    rows = _newest(store) or [dict(model.usual)]
    asked = {name: [row.get(name) for row in rows] for name in FORM_COLUMNS}
    typed = {name: np.array(values, dtype=object if name in TEXTS else float) for name, values in asked.items()}
    return typed | dict(columns_of(model, rows))


def _newest(store: Store) -> list[dict[str, Any]]:
    if "snapshots" not in store.tables:
        return []
    found = store.rows(
        "select features from (select features, row_number() over (order by user_id) - 1 as place, "
        "count(*) over () as users from snapshots where is_newest = 1) "
        "where place % max(1, (users + :most - 1) / :most) = 0",
        {"most": MOST_OTHERS},
    )
    return [json.loads(row["features"]) for row in found]


def stand_ins(base: Columns, said: Said, as_of: str | None) -> Columns:
    """The columns of others, with what was said in its place and what follows from it."""
    base = _alike(base, said)
    rows = len(base["level"])
    known = {name: _filled(value, rows) for name, value in _features(base, said, as_of).items()}
    columns = dict(base) | known
    for name, total in SPLIT.items():
        if name in said:
            known |= _by_level(total, columns)
    columns |= known
    for count, exposure in EXPOSURES.items():
        if count in base and exposure in base and count not in known:
            columns[count] = _scaled(base[count], base[exposure], columns[exposure])
    for age in ("days_since_first_event", "days_since_last_event"):
        if age not in known and "days_as_member" in said:
            columns[age] = np.minimum(columns[age], float(said["days_as_member"]))
    return columns


def _alike(base: Columns, said: Said) -> Columns:
    """Of the others those of the level that was said: who pays listens, and hears adverts, otherwise."""
    if "level" not in said:
        return base
    is_alike = base["level"] == said["level"]
    return {name: values[is_alike] for name, values in base.items()} if is_alike.sum() >= LEAST_ALIKE else base


def _features(base: Columns, said: Said, as_of: str | None) -> dict[str, str | float]:
    """The features that the answers are, and those that follow from them, of the columns that there are."""
    told = {field.features[0]: said[field.name] for field in FIELDS if field.name in said}
    days = said.get("days_as_member")
    if isinstance(days, float):
        # The log has had nobody longer than itself.
        longest = base["days_observed"].max(initial=0.0) if "days_observed" in base else days
        told["days_observed"] = min(days, float(longest))
        if as_of:
            told["registration_month"] = f"{date.fromisoformat(as_of) - timedelta(days=days):%Y-%m}"
    regions = _regions(base)
    if said.get("state") in regions:
        told["census_region"] = regions[str(said["state"])]
    return {name: value for name, value in told.items() if name in base}


def _regions(base: Columns) -> dict[str, str]:
    """The region of each state in which others live."""
    if "census_region" not in base:
        return {}
    return dict(zip(base["state"].tolist(), base["census_region"].tolist(), strict=True))


def _filled(value: str | float, rows: int) -> Any:  # noqa: ANN401 - an array of either type
    return np.full(rows, value, dtype=object if isinstance(value, str) else float)


def _by_level(total: str, columns: Columns) -> dict[str, Floats]:
    """A count as one of the level in force: what the levels before had of it is not asked."""
    is_paid = columns["level"] == "paid"
    parts = {f"paid_{total}": columns[total] * is_paid, f"free_{total}": columns[total] * ~is_paid}
    return {name: values for name, values in parts.items() if name in columns}


def _scaled(counts: Floats, exposures: Floats, wanted: Floats) -> Floats:
    """Counts at other exposures, each user's by the own rate; who had no exposure has the rate of all."""
    if wanted is exposures:
        return counts
    counts, exposures = np.nan_to_num(counts), np.nan_to_num(exposures)
    of_all = counts.sum() / max(exposures.sum(), 1.0)
    rates = np.divide(counts, exposures, out=np.full(len(counts), of_all), where=exposures > 0)
    scaled: Floats = rates * np.nan_to_num(wanted)
    return scaled
