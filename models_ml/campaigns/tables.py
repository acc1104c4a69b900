"""The tables of the retention campaigns: who was to get an offer, and what it was seen to change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from models_ml.campaigns.spec import SETTINGS, id_of
from models_ml.errors import ModelJobError
from models_ml.tables import LABELS, MODEL_VERSIONS, PREDICTIONS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row, SparkSession

    from models_ml.campaigns.spec import CampaignSpec

TARGETS = "ml.campaign_targets"
EFFECTS = "monitoring.campaign_effects"
TREATMENT, CONTROL = "treatment", "control"

# One partition is what one campaign writes.
_TARGETS_DDL = f"""
create table if not exists {TARGETS} (
    campaign_id string not null comment 'Name of the campaign, or its date, label and a hash of its settings',
    user_id string not null comment 'User on the list',
    as_of_date date not null comment 'Snapshot that was scored',
    label string not null comment 'Outcome that the offer is to prevent, a column of {LABELS}',
    model_version string not null comment 'Model that scored, see {MODEL_VERSIONS}',
    arm string not null comment 'treatment: gets the offer; control: gets none, to compare with',
    churn_probability double not null comment 'Probability of the outcome without an offer, of {PREDICTIONS}',
    expected_value double not null comment 'save_rate * churn_probability * customer_value - offer_cost, above 0',
    expected_value_low double comment 'The same at the lower end of the probability, NULL where none is known',
    expected_value_high double comment 'The same at the upper end of the probability, NULL where none is known',
    rank int not null comment 'Place on the list of both arms: 1 = highest expected value',
    reasons array<string> comment 'What moved the probability, of {PREDICTIONS}',
    budget double not null comment 'Money for the offers of the campaign',
    offer_cost double not null comment 'Money that one offer costs',
    save_rate double not null comment 'Assumed share of leavers whom the offer keeps, 0 to 1',
    customer_value double not null comment 'Money that a user who is kept is worth',
    holdout double not null comment 'Probability of an eligible user to be in control, 0 to 1',
    created_at timestamp not null comment 'When the campaign was drawn'
)
using iceberg
partitioned by (campaign_id)
comment 'One row per campaign and user'
tblproperties ('write.distribution-mode' = 'none')
"""

# Not on the branch of a run: `monitoring` is written to directly.
_EFFECTS_DDL = f"""
create table if not exists {EFFECTS} (
    campaign_id string not null comment 'Campaign of {TARGETS}',
    measured_at timestamp not null comment 'When it was measured',
    as_of_date date not null comment 'Snapshot of the campaign',
    label string not null comment 'Outcome compared, a column of {LABELS}',
    model_version string not null comment 'Model that chose the users',
    treatment_users bigint not null comment 'Users on the list who get the offer',
    treatment_known bigint not null comment 'Of these, users whose outcome is known',
    treatment_left bigint not null comment 'Of these, users with the outcome',
    treatment_churn_rate double comment 'treatment_left / treatment_known',
    control_users bigint not null comment 'Users on the list who get no offer',
    control_known bigint not null comment 'Of these, users whose outcome is known',
    control_left bigint not null comment 'Of these, users with the outcome',
    control_churn_rate double comment 'control_left / control_known',
    churn_reduction double comment 'control_churn_rate - treatment_churn_rate; NULL as long as it cannot be told',
    churn_reduction_low double comment 'Lower end of its 95 % interval',
    churn_reduction_high double comment 'Upper end of its 95 % interval',
    saved_users double comment 'churn_reduction * treatment_users',
    saved_users_low double comment 'Lower end of its 95 % interval',
    saved_users_high double comment 'Upper end of its 95 % interval',
    value double comment 'Money: saved_users * customer_value - spent',
    value_low double comment 'Lower end of its 95 % interval',
    value_high double comment 'Upper end of its 95 % interval',
    spent double not null comment 'Money: treatment_users * offer_cost',
    users_needed_per_arm bigint not null comment 'Users that show the assumed save_rate with 80 % power at 5 %',
    verdict string not null comment 'The same in words'
)
using iceberg
comment 'One row per campaign and measurement'
tblproperties ('write.wap.enabled' = 'false')
"""


class OtherSettings(ModelJobError):
    """A campaign of that id was drawn with other settings."""


class UnknownCampaign(ModelJobError):
    """No campaign of that id was drawn."""


def append_targets(rows: DataFrame) -> None:
    """Write the list of a campaign in one commit."""
    spark = rows.sparkSession
    spark.sql("create namespace if not exists ml")
    spark.sql(_TARGETS_DDL)
    rows.writeTo(TARGETS).append()


def append_effect(spark: SparkSession, effect: dict[str, Any]) -> None:
    """Append one measurement, given by column name."""
    spark.sql("create namespace if not exists monitoring")
    spark.sql(_EFFECTS_DDL)
    schema = spark.table(EFFECTS).schema
    frame = spark.createDataFrame([tuple(effect[name] for name in schema.names)], schema)
    frame.coalesce(1).writeTo(EFFECTS).append()


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
