"""A model version without Spark: from the columns of a snapshot to a probability and what it is made of."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from models_ml.portable.calibration import CalibrationBand, band_from_json
from models_ml.portable.encoder import Encoder
from models_ml.portable.scorers import Scorer, scorer_from_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from models_ml.portable.arrays import Floats
    from models_ml.portable.rate import Columns


@dataclass(frozen=True, eq=False)
class PortableModel:
    """What `model.json` holds. `indices` are those of the encoder's elements that the scorer sees.

    `usual` is the median of each numeric column on the training rows, for explanations.
    """

    label: str
    horizon_days: int
    algorithm: str
    encoder: Encoder
    indices: tuple[int, ...]
    scorer: Scorer
    band: CalibrationBand
    threshold: float
    usual: Mapping[str, float]

    @property
    def element_names(self) -> tuple[str, ...]:
        names = list(self.encoder.elements)
        return tuple(names[place] for place in self.indices)

    def elements(self, columns: Columns) -> Floats:
        """Return what the scorer sees, [rows, elements]; numbers are doubles with NaN for NULL, strings objects."""
        return self.encoder.matrix(columns)[:, self.indices]

    def score(self, columns: Columns) -> Floats:
        return self.scorer.score(self.elements(columns))

    def monitored(self, columns: Columns) -> dict[str, NDArray[Any]]:
        """Return what drift is measured of: the columns, and those elements that are no column.

        Lifetime counts grow with the log by design; the rates and classes that are made of them need not.
        """
        elements = dict(zip(self.element_names, self.elements(columns).T, strict=True))
        kept = {name: columns[name] for name in self.encoder.inputs}
        return kept | {name: values for name, values in elements.items() if name not in kept}

    def probability(self, scores: Floats) -> Floats:
        return self.band.calibration.probability(scores)

    def decision(self, scores: Floats) -> NDArray[np.bool_]:
        """Return whether the outcome is predicted: the probability is at or above the threshold."""
        predicted: NDArray[np.bool_] = self.probability(scores) >= self.threshold
        return predicted

    def to_json(self) -> str:
        plain = {name: getattr(self, name) for name in ("label", "horizon_days", "algorithm")}
        return json.dumps(
            plain
            | {
                "encoder": self.encoder.to_json(),
                "places": self.indices,
                "scorer": self.scorer.to_json(),
                "band": json.loads(self.band.to_json()),
                "threshold": self.threshold,
                "usual": dict(self.usual),
            }
        )

    @classmethod
    def from_json(cls, text: str) -> PortableModel:
        saved = json.loads(text)
        return cls(
            **{name: saved[name] for name in ("label", "horizon_days", "algorithm")},
            encoder=Encoder.from_json(saved["encoder"]),
            indices=tuple(saved["places"]),
            scorer=scorer_from_json(saved["scorer"]),
            band=band_from_json(json.dumps(saved["band"])),
            threshold=saved["threshold"],
            usual=saved["usual"],
        )
