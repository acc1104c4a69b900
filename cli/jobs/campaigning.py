"""Steps of a campaign: draw its list, measure its effect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.machine.home import shown

if TYPE_CHECKING:
    from pathlib import Path

    from cli.jobs.workspace import Workspace
    from models_ml.campaigns.campaign import CampaignReport
    from models_ml.campaigns.effect import CampaignEffect
    from models_ml.campaigns.spec import CampaignSpec


def campaign(workspace: Workspace, spec: CampaignSpec, out: Path | None) -> CampaignReport:
    """Draw the list of a campaign; one that is published stands."""
    from models_ml.campaigns import campaign as lists

    if out is None:
        workspace.home.campaigns.mkdir(parents=True, exist_ok=True)
    with workspace.steps.step("campaign") as step:
        report = lists.campaign(workspace.spark, spec, out or workspace.home.campaigns)
        step.rows_out = report.offers + report.control
        drawn = f", as drawn on {report.drawn_at:%Y-%m-%d}" if report.stands else ""
        step.detail = f"{report.offers} offers and {report.control} held out{drawn}, in {shown(report.path)}"
    return report


def campaign_effect(workspace: Workspace, campaign_id: str | None) -> CampaignEffect:
    """Measure a campaign from outcomes."""
    from models_ml.campaigns import effect as effects

    with workspace.steps.step("effect") as step:
        effect = effects.campaign_effect(workspace.spark, campaign_id)
        step.rows_out = effect.treatment.users + effect.control.users
        step.detail = f"{effect.treatment.users} with an offer, {effect.control.users} held out"
    return effect
