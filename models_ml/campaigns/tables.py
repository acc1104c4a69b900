"""The tables of the retention campaigns: who was to get an offer, and what it was seen to change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from models_ml.campaigns.spec import SETTINGS, id_of
from models_ml.errors import ModelJobError
from warehouse.contract.tables import create_or_widen

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row, SparkSession

    from models_ml.campaigns.spec import CampaignSpec

TARGETS = "ml.campaign_targets"
EFFECTS = "monitoring.campaign_effects"


class OtherSettings(ModelJobError):
    """A campaign of that id was drawn with other settings."""


class UnknownCampaign(ModelJobError):
    """No campaign of that id was drawn."""


def append_targets(rows: DataFrame) -> None:
    """Write the list of a campaign in one commit."""
    create_or_widen(rows.sparkSession, TARGETS)
    rows.writeTo(TARGETS).append()


def standing_campaign(spark: SparkSession, spec: CampaignSpec) -> Row | None:
    """Return id, settings and drawn_at of the campaign that stands under the name, or under settings that agree.

    Of campaigns without a name the first: when another version has scored since, its offers were made all the same.

    Raises:
        OtherSettings: the name was given to settings that differ from these.
    """
    first_to_last = _campaigns(spark)[::-1]
    if spec.name is None:
        unnamed = (row for row in first_to_last if row.campaign_id == id_of({name: row[name] for name in SETTINGS}))
        return next((row for row in unnamed if not _differing(row, spec)), None)
    drawn = next((row for row in first_to_last if row.campaign_id == spec.name), None)
    if drawn and _differing(drawn, spec):
        msg = f"campaign {spec.name} was drawn with {_differing(drawn, spec)}: give the new one another name"
        raise OtherSettings(msg)
    return drawn


def _differing(drawn: Row, spec: CampaignSpec) -> str:
    return ", ".join(f"{name} {drawn[name]}, not {value}" for name, value in spec.asked.items() if drawn[name] != value)


def find_campaign(spark: SparkSession, campaign_id: str | None) -> Row:
    """Return id, settings and drawn_at of a campaign, of the one drawn last if none is named.

    Raises:
        UnknownCampaign: the message lists what there is.
    """
    campaigns = _campaigns(spark)
    found = [row for row in campaigns if campaign_id in {None, row.campaign_id}]
    if not found:
        existing = ", ".join(row.campaign_id for row in campaigns) or "none yet: run sparkhouse campaign"
        msg = f"there is no campaign {campaign_id or ''}; there are {existing}"
        raise UnknownCampaign(msg)
    return found[0]


def _campaigns(spark: SparkSession) -> list[Row]:
    """One row per campaign, the one drawn last first."""
    if not spark.catalog.tableExists(TARGETS):
        return []
    # Every list has one user of rank 1, and all its rows have the same settings.
    firsts = spark.table(TARGETS).where("rank = 1").withColumn("drawn_at", F.unix_micros("created_at"))
    return firsts.orderBy(F.desc("created_at"), "campaign_id").drop("created_at").collect()
