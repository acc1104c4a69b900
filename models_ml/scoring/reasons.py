"""Why a model scores a user as it does, in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models_ml.portable.encoder import BEHAVIOUR
from models_ml.scoring.wording import DIRECTIONS, in_words, rate_in_words
from models_ml.scoring.written_numbers import beside, multiple, percent
from warehouse.contract.labels import label_named

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from models_ml.portable.arrays import Floats, Integers
    from models_ml.portable.behaviour import BehaviourClasses
    from models_ml.portable.model import PortableModel
    from models_ml.portable.rate import Columns, Rate

# What a scorer adds for an element that it does not use, to rounding.
NOTHING = 1e-12


def reasons(model: PortableModel, columns: Columns, top: int = 3) -> list[tuple[str, ...]]:
    """Return for each row at most `top` reasons, the weightiest first, each with the direction in which it moves the
    score: "12 adverts in the last 7 days, 4 times the usual (more risk)".

    What is no risk is more or less likely. What counts is the sum of a group's contributions. Groups that
    contribute nothing are no reason, nor is what has been said already: several columns are missing for want of the
    same history.
    """
    groups = model.encoder.groups(model.indices)
    _, phi = model.scorer.contributions(model.elements(columns))
    added = np.stack([phi[:, positions].sum(axis=1) for positions in groups.values()], axis=1)
    order = np.argsort(-np.abs(added), axis=1, kind="stable")
    words = _words(model, columns)
    worded = [words[name] for name in groups]
    said = [_weightiest(row, worded, order[row], added[row], top) for row in range(len(added))]
    more, less = DIRECTIONS[label_named(model.label).raises]
    return [tuple(f"{words} ({more if raises else less})" for words, raises in row.items()) for row in said]


def _weightiest(
    row: int, worded: Sequence[Callable[[int], str]], order: Integers, added: Floats, top: int
) -> dict[str, bool]:
    """Return what is said of a row, and whether it raises the score."""
    said: dict[str, bool] = {}
    for group in order:
        if len(said) == top or abs(added[group]) <= NOTHING:
            break
        said.setdefault(worded[group](row), bool(added[group] > 0))
    return said


def _words(model: PortableModel, columns: Columns) -> dict[str, Callable[[int], str]]:
    """Return for each group what says its value on a row."""
    encoder = model.encoder
    words = {name: _column_words(name, columns, model.usual.get(name)) for name in encoder.columns}
    words |= {rate.name: _rate_words(rate, columns) for rate in encoder.rates}
    return words | ({BEHAVIOUR: _behaviour_words(encoder.behaviour, columns)} if encoder.behaviour else {})


def _column_words(name: str, columns: Columns, usual: float | None) -> Callable[[int], str]:
    values = columns[name].tolist()
    return lambda row: in_words(name, values[row], usual)


def _rate_words(rate: Rate, columns: Columns) -> Callable[[int], str]:
    """The user's own count and exposure, and the shrunk rate against the population's."""
    counts, exposures = (np.nan_to_num(columns[name]).tolist() for name in (rate.count, rate.exposure))
    paces = (np.exp(rate.values(columns)) * rate.prior_exposure / rate.prior_count).tolist()
    return lambda row: f"{rate_in_words(rate.name, counts[row], exposures[row])}, {multiple(paces[row])} pace"


def _behaviour_words(classes: BehaviourClasses, columns: Columns) -> Callable[[int], str]:
    """What of the user's own counts speaks most for the likeliest class, against the largest one.

    The largest class is what is usual: there, the user's own counts would tell of chance.
    """
    counts, exposures = classes.seen(columns)
    rates, likeliest = np.array(classes.rates), classes.values(columns).argmax(axis=1)
    usual = np.array(classes.shares) @ rates
    # The log of the likelihood ratio of each page, as in `joint_log_likelihood`.
    evidence = counts * np.log(rates / rates[0])[likeliest] - exposures * (rates - rates[0])[likeliest]
    telling = evidence.argmax(axis=1).tolist()

    def words(row: int) -> str:
        if likeliest[row] == 0:
            return f"behaves as {percent(classes.shares[0])} of users do"
        page = telling[row]
        count, exposure = float(counts[row, page]), float(exposures[row, page])
        return f"{rate_in_words(classes.counts[page], count, exposure)}, {beside(count, float(usual[page]) * exposure)}"

    return words
