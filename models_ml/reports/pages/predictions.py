"""The page of the predictions: those of now, and what became of earlier ones."""

from __future__ import annotations

from models_ml.reports.charts import past_predictions, predictions
from models_ml.reports.panels import Page, Panel
from models_ml.reports.remedies import OUTCOME, PREDICT

NO_CAMPAIGN = "No campaign was drawn yet: `sparkhouse campaign`, once there are predictions."

PAGE = Page(
    "predictions",
    "Predictions",
    "Who is at risk now, why, and what became of earlier predictions.",
    (
        Panel("Risk of all users", "predictions/risk_distribution", predictions.risk_distribution, PREDICT),
        Panel("Risk by level", "predictions/risk_by_group", predictions.risk_by_level, PREDICT),
        Panel("Users most at risk", "predictions/users_at_risk", predictions.users_at_risk, PREDICT, is_wide=True),
        Panel("Reasons of the tenth most at risk", "predictions/reasons", predictions.reasons, PREDICT),
        Panel("Risk by state", "predictions/risk_by_group", predictions.risk_by_state, PREDICT),
        Panel(
            "Who has moved since the snapshot before",
            "predictions/decile_moves",
            predictions.decile_moves,
            PREDICT,
            is_wide=True,
            looks_back=True,
        ),
        Panel("Campaigns", "predictions/campaigns", past_predictions.campaigns, NO_CAMPAIGN),
        Panel(
            "What the offers changed",
            "predictions/campaigns",
            past_predictions.campaign_effects,
            NO_CAMPAIGN,
            looks_back=True,
        ),
        Panel(
            "Foretold and come true",
            "predictions/outcomes_by_snapshot",
            past_predictions.outcomes_by_snapshot,
            OUTCOME,
            looks_back=True,
        ),
        Panel(
            "Come true by tenth of the risk",
            "predictions/outcomes_by_decile",
            past_predictions.outcomes_by_decile,
            OUTCOME,
            looks_back=True,
        ),
    ),
)
