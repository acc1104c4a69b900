"""MLflow's aliases `champion` and `challenger`: they follow ml.model_versions, which rules."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from models_ml.registry.model_versions import all_versions, champion_of
from models_ml.registry.tracking import Tracking, registered_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mlflow import MlflowClient
    from mlflow.entities.model_registry import RegisteredModel
    from pyspark.sql import Row, SparkSession

CHAMPION, CHALLENGER = "champion", "challenger"


def follow(spark: SparkSession, mlflow_dir: Path) -> None:
    """Let the aliases of each registered model name what ml.model_versions says, as the session sees it.

    Champion is the version that was made so last, challenger the newest one where that was not made champion. Call it
    once versions were published, rolled back or removed. On an MLflow server, models that the table does not name may
    be another's, and are left alone; in a store of ours, nothing is champion of what was rolled back whole.

    Raises:
        MisplacedStore, StoreNotUpgraded: no alias is changed.
    """
    client, versions = Tracking.open(mlflow_dir).client, all_versions(spark)
    is_shared = bool(os.environ.get("MLFLOW_TRACKING_URI"))
    for model in client.search_registered_models(f"name LIKE '{registered_name('%')}'"):
        own = [each for each in versions if each.registered_model == model.name]
        if own or not is_shared:
            _set_aliases(client, model, _aliases_of(own))


def _aliases_of(newest_first: Sequence[Row]) -> dict[str, str]:
    """The number of the version that each alias names; an alias that names none is not there."""
    champion, newest = champion_of(newest_first), next(iter(newest_first), None)
    named = {CHAMPION: champion, CHALLENGER: None if newest == champion else newest}
    return {alias: row.registry_version for alias, row in named.items() if row}


def _set_aliases(client: MlflowClient, model: RegisteredModel, wanted: Mapping[str, str]) -> None:
    from mlflow.exceptions import MlflowException

    existing = {alias: str(number) for alias, number in model.aliases.items() if alias in {CHAMPION, CHALLENGER}}
    for alias, _ in existing.items() - wanted.items():
        client.delete_registered_model_alias(model.name, alias)
    for alias, number in wanted.items() - existing.items():
        # A version that was removed for good has files no more: a rollback brings back its row alone.
        with suppress(MlflowException):
            client.set_registered_model_alias(model.name, alias, number)
