"""The page of churn."""

from __future__ import annotations

from models_ml.reports.charts import churn, churn_differences, churn_habits, churn_survival
from models_ml.reports.panels import Page, Panel
from models_ml.reports.remedies import BUILD, SNAPSHOT

UNKNOWN = (
    "No snapshot has an outcome that is known of all its users yet: its horizon has to pass in the log, then "
    "`sparkhouse build`."
)
NOBODY_LEFT = "No membership was cancelled in the log yet, or it was not built: `sparkhouse build`."

PAGE = Page(
    "churn",
    "Churn",
    "Who leaves, when, and how they differ before they do.",
    (
        Panel("Who left, by snapshot", "churn/label_outcomes", churn.outcomes, SNAPSHOT, looks_back=True),
        Panel("Retention by month of registration", "churn/retention", churn.retention, BUILD, looks_back=True),
        Panel(
            "Leavers beside stayers",
            "churn/pairs",
            churn_differences.leavers_and_stayers,
            UNKNOWN,
            is_wide=True,
            looks_back=True,
        ),
        Panel(
            "Pairs in which the leaver had more", "churn/pairs", churn_differences.pairs_apart, UNKNOWN, looks_back=True
        ),
        Panel("Outcomes, one by one", "churn/label_outcomes", churn.label_shares, SNAPSHOT, looks_back=True),
        Panel(
            "What goes together",
            "churn/correlations",
            churn_differences.correlations,
            UNKNOWN,
            is_wide=True,
            looks_back=True,
        ),
        Panel("Adverts and cancelling", "churn/hazard", churn_habits.adverts_hazard, UNKNOWN, looks_back=True),
        Panel("Thumbs down and cancelling", "churn/hazard", churn_habits.thumbs_down_hazard, UNKNOWN, looks_back=True),
        Panel("Survival by level", "churn/tenures", churn_survival.survival_by_level, NOBODY_LEFT, looks_back=True),
        Panel("Survival by device", "churn/tenures", churn_survival.survival_by_device, NOBODY_LEFT, looks_back=True),
        Panel("Survival by gender", "churn/tenures", churn_survival.survival_by_gender, NOBODY_LEFT, looks_back=True),
        Panel(
            "Survival by month of registration",
            "churn/tenures",
            churn_survival.survival_by_month,
            NOBODY_LEFT,
            looks_back=True,
        ),
        Panel(
            "The day before a cancellation",
            "churn/cancel_funnel",
            churn_habits.day_before,
            NOBODY_LEFT,
            looks_back=True,
        ),
        Panel(
            "The day before: differences",
            "churn/cancel_funnel",
            churn_habits.day_before_difference,
            NOBODY_LEFT,
            looks_back=True,
        ),
    ),
)
