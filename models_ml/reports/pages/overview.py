"""The first page: what matters today, and what is wrong."""

from __future__ import annotations

from models_ml.reports.charts import overview, service
from models_ml.reports.panels import NumberPanel, Page, Panel
from models_ml.reports.remedies import AUDIT, INGEST, PREDICT

DAYS = "service/service_days"

PAGE = Page(
    "overview",
    "Overview",
    "What matters today, and what is wrong.",
    (
        Panel("What is wrong", "overview/findings", overview.what_is_wrong, AUDIT, is_wide=True),
        Panel("Active users", DAYS, service.active_users, INGEST),
        Panel("Upgrades, downgrades, cancellations", DAYS, service.changes, INGEST),
    ),
    (
        NumberPanel("Active users", DAYS, overview.active_users, INGEST, "service"),
        NumberPanel("Songs played", DAYS, overview.plays, INGEST, "service"),
        NumberPanel("Cancellations", DAYS, overview.cancellations, INGEST, "churn"),
        NumberPanel("Users at high risk", "overview/risk", overview.users_at_risk, PREDICT, "predictions"),
        NumberPanel("Gate", "overview/findings", overview.gate, AUDIT, "quality"),
        NumberPanel("Newest event", DAYS, overview.newest_event, INGEST, "quality"),
    ),
)
