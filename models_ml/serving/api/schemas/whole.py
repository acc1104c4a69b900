"""All schemas of the document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models_ml.serving.api.schemas.campaigns import of_campaigns
from models_ml.serving.api.schemas.customers import of_customers
from models_ml.serving.api.schemas.model import of_model
from models_ml.serving.api.schemas.overview import of_overview
from models_ml.serving.api.schemas.scores import of_scores

if TYPE_CHECKING:
    from models_ml.serving.api.schemas.parts import Schema


def schemas() -> dict[str, Schema]:
    """Return all schemas by name."""
    return of_customers() | of_scores() | of_model() | of_campaigns() | of_overview()
