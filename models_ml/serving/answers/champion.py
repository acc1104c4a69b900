"""The champion that scores, and where its probability of a customer lies."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Literal

from models_ml.serving.web.problems import Problem

if TYPE_CHECKING:
    from models_ml.portable.model import PortableModel
    from models_ml.serving.store import Store

Band = Literal["high", "middle", "low"]


def champion_of(store: Store) -> PortableModel:
    """Return the champion of a publication. Raises Problem where there is none."""
    if store.model is None:
        raise Problem(HTTPStatus.CONFLICT, "There is no champion yet to score by: `sparkhouse train` makes one.")
    return store.model


def band(probability: float, mean: float | None, *, is_called: bool) -> Band:
    """High is what the champion calls, middle what is above the mean of all who were scored."""
    if is_called:
        return "high"
    return "middle" if mean is not None and probability > mean else "low"
