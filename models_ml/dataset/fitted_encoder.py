"""The profile of the training rows: which columns can tell anything, and what the rows teach about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pyspark.sql import functions as F

from models_ml.dataset.arrow import columns_of, ordered_table
from models_ml.dataset.mixture import behaviour_classes, shrunk_rate
from models_ml.dataset.vectors import KEYS, CandidateColumns, derivations
from models_ml.portable.encoder import Encoder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from pyspark.sql import DataFrame

    from models_ml.portable.behaviour import BehaviourClasses
    from models_ml.portable.rate import Columns, Rate

# A string with more levels than this (a state, a metro) would give more columns than there are users who churn.
MAX_LEVELS = 12
# Enough for any median; of a table of 200 columns about 150 MB.
PROFILED_ROWS = 100_000


def profiled_columns(training: DataFrame, row_count: int, candidates: CandidateColumns) -> Columns:
    """Return keys and candidates of the training rows as arrays; of very many rows, those of a share.

    The rows come here: Spark takes longer to compile aggregates of some hundred columns than to hand these over.
    """
    share = 1 + row_count // PROFILED_ROWS
    looked_at = training.where(F.pmod(F.xxhash64(*KEYS), F.lit(share)) == 0).select(*KEYS, *candidates.names)
    return columns_of(ordered_table(looked_at, KEYS))


def fitted_encoder(profile: Columns, candidates: CandidateColumns, seed: int) -> Encoder:
    """Return the encoder of the candidates that differ between training rows.

    Left out are columns that are always NULL, that always have the same value, and strings of too many levels; and
    rates and behaviour classes of columns that the table does not have.
    """
    # NaN counts as a value here, so a column that is only sometimes missing differs.
    numbers = {name: profile[name] for name in candidates.numeric if np.unique(profile[name]).size > 1}
    levels = {name: sorted({each for each in profile[name] if each is not None}) for name in candidates.categorical}
    users = _newest_rows(profile)
    return Encoder(
        medians={name: float(np.nanmedian(values)) for name, values in numbers.items()},
        missing=_indicators({name: np.isnan(values) for name, values in numbers.items()}),
        levels={name: tuple(seen) for name, seen in levels.items() if 1 < len(seen) <= MAX_LEVELS},
        rates=_rates(users),
        behaviour=_behaviour(users, seed),
    )


def _newest_rows(profile: Columns) -> Columns:
    """Return the last row of each user: rows are in the order of the keys."""
    user = profile[KEYS[0]]
    is_last = np.append(user[1:] != user[:-1], [True])
    return {name: values[is_last] for name, values in profile.items()}


def _rates(users: Columns) -> tuple[Rate, ...]:
    named = derivations()["rates"].items()
    return tuple(
        shrunk_rate(name, **of, users=users) for name, of in named if {of["count"], of["exposure"]} <= set(users)
    )


def _behaviour(users: Columns, seed: int) -> BehaviourClasses | None:
    pages: Mapping[str, str] = derivations()["behaviour"]
    existing = {count: exposure for count, exposure in pages.items() if {count, exposure} <= set(users)}
    return behaviour_classes(existing, users, seed) if existing else None


def _indicators(is_missing: Mapping[str, NDArray[np.bool_]]) -> tuple[str, ...]:
    """Return, of all columns that are missing on exactly the same rows, the first."""
    first: dict[bytes, str] = {}
    for name, rows in is_missing.items():
        if rows.any():
            first.setdefault(np.packbits(rows).tobytes(), name)
    return tuple(first.values())
