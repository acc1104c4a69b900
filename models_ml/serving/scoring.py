"""The champion on rows at hand: probability with its interval and reasons, from NumPy alone."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from models_ml.portable.calibration import log_odds, logistic
from models_ml.portable.encoder import BEHAVIOUR
from models_ml.scoring.reasons import reasons

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from models_ml.portable.arrays import Floats
    from models_ml.portable.model import PortableModel
    from models_ml.portable.rate import Columns

    Features = Mapping[str, Any]

WITHIN = 0.95
# A normal distribution stands for so many of its quantiles, each as likely as the others.
QUANTILES = 199


@dataclass(frozen=True)
class Score:
    """The probability of the outcome, the 95 % interval of the calibration, the call, and the weightiest reasons."""

    probability: float
    low: float
    high: float
    is_predicted: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class FilledScore:
    """A score of which some inputs were not said: those of `filled` take the values of other users, one by one.

    `score` is the mean over these stand-ins, with reasons at the middle of their values; its interval holds 95 % of
    what they and the calibration leave open. `band_width` is the mean width of the interval of the calibration alone.
    """

    score: Score
    filled: tuple[str, ...]
    band_width: float

    @property
    def widened_by(self) -> float:
        """By how much what was not said widens the interval."""
        return max(0.0, self.score.high - self.score.low - self.band_width)


def inputs_of(model: PortableModel) -> tuple[str, ...]:
    """The features that have a say in the scores of a model: its encoder may read more, which its scorer leaves out."""
    encoder = model.encoder
    rates = {rate.name: (rate.count, rate.exposure) for rate in encoder.rates}
    behaviour = (*encoder.behaviour.counts, *encoder.behaviour.exposures) if encoder.behaviour else ()
    used = [rates.get(name, behaviour if name == BEHAVIOUR else (name,)) for name in encoder.groups(model.indices)]
    return tuple(dict.fromkeys(name for names in used for name in names))


def scores(model: PortableModel, rows: Sequence[Features]) -> list[Score]:
    """Score rows of features by name, as the warehouse has them; what a row lacks is NULL."""
    if not rows:
        return []
    columns = columns_of(model, rows)
    raw = model.score(columns)
    low, high = model.band.interval(raw)
    probabilities, calls = model.probability(raw), model.decision(raw)
    return [
        Score(float(probability), float(lowest), float(highest), bool(call), why)
        for probability, lowest, highest, call, why in zip(
            probabilities, low, high, calls, reasons(model, columns), strict=True
        )
    ]


def filled_score(model: PortableModel, stand_ins: Columns, filled: tuple[str, ...]) -> FilledScore:
    """Score somebody of whom the inputs of `filled` are not known; each row of `stand_ins` is one that it could be.

    All rows agree in what was said. The interval is that of the mixture of their calibration bands: the ends of each
    lie 1.96 standard deviations from its middle, in log odds, on either side as far as it reaches there.
    """
    raw = model.score(stand_ins)
    probability = float(model.probability(raw).mean())
    lows, highs = model.band.interval(raw)
    low, high = _mixture_interval(model.probability(raw), lows, highs)
    middle = reasons(model, {name: _middle(values) for name, values in stand_ins.items()})[0]
    # Few users of a very different probability can pull the mean out of where 95 % lie.
    score = Score(probability, min(low, probability), max(high, probability), probability >= model.threshold, middle)
    return FilledScore(score, filled, float((highs - lows).mean()))


def _mixture_interval(middles: Floats, lows: Floats, highs: Floats) -> tuple[float, float]:
    """The interval that holds 95 % of equal parts of distributions, of which only 95 % intervals are told."""
    if len(np.unique(middles)) == 1:
        return float(lows[0]), float(highs[0])
    places = (np.arange(QUANTILES) + 0.5) / QUANTILES
    reach = np.array([NormalDist().inv_cdf(place) for place in places]) / NormalDist().inv_cdf((1 + WITHIN) / 2)
    middle, low, high = (log_odds(ends)[:, None] for ends in (middles, lows, highs))
    spread = middle + np.where(reach < 0, reach * (middle - low), reach * (high - middle))
    ends = logistic(np.quantile(spread, [(1 - WITHIN) / 2, (1 + WITHIN) / 2]))
    return float(ends[0]), float(ends[1])


def _middle(values: NDArray[Any]) -> NDArray[Any]:
    """One row: the median of numbers, which is NaN where most are; the most frequent text."""
    if values.dtype == object:
        texts = values.tolist()
        return np.array([max(dict.fromkeys(texts), key=texts.count)], dtype=object)
    known = values[~np.isnan(values)]
    return np.array([np.median(known) if 2 * len(known) >= len(values) and len(known) else np.nan])


def columns_of(model: PortableModel, rows: Sequence[Features]) -> Columns:
    """The columns that the encoder reads: doubles with NaN for NULL, objects of texts.

    It may read many that no row has, and in which the scorer has no say: one column stands for all of these.
    """
    said = set().union(*rows)
    types = {name: object if name in model.encoder.levels else np.float64 for name in model.encoder.inputs}
    unsaid = {kind: np.array([None] * len(rows), dtype=kind) for kind in (object, np.float64)}
    return {
        name: np.array([row.get(name) for row in rows], dtype=kind) if name in said else unsaid[kind]
        for name, kind in types.items()
    }
