"""The catalogue of features as programs read it, and which of them the champion goes by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models_ml.serving.scoring import inputs_of
from warehouse.contract.catalogue import features_by_name

if TYPE_CHECKING:
    from models_ml.serving.store import Store

TOLD = ("name", "data_type", "noun", "unit", "group", "formula", "lowest", "highest", "allowed")


def described(store: Store) -> list[dict[str, Any]]:
    """Return what each feature means, its unit and its range; `is_read` where it has a say in the champion's scores."""
    read = set(inputs_of(store.model)) if store.model else set()
    return [
        {name: getattr(feature, name) for name in TOLD}
        | {"meaning": feature.description, "is_read": feature.name in read}
        for feature in features_by_name().values()
    ]
