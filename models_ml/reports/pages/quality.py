"""The page of data quality, for who answers for it."""

from __future__ import annotations

from models_ml.reports.charts import event_values, quality, quality_measures
from models_ml.reports.panels import Page, Panel
from models_ml.reports.remedies import AUDIT, BUILD, INGEST

ACCEPTED = 'Nobody has let a finding pass by hand: `sparkhouse publish RUN_ID --accept RULE --reason "..."` does it.'
EVENT_VALUES = "quality/event_values"

PAGE = Page(
    "quality",
    "Data quality",
    "Whether the data are good: what was checked and found, what came in, and how it differs from before.",
    (
        Panel("The last audit", "quality/last_audit", quality.last_audit, AUDIT, is_wide=True),
        Panel(
            "Sessions against the weeks before",
            "quality/session_days",
            quality_measures.sessions_expected,
            INGEST,
            is_wide=True,
        ),
        Panel("Lines taken in", "quality/deliveries", quality.deliveries, INGEST),
        Panel("Freshness", "quality/freshness", quality_measures.freshness, BUILD),
        Panel("Missing values by column", EVENT_VALUES, event_values.missing_values, BUILD, is_wide=True),
        Panel("Accepted findings", "quality/accepted_findings", quality.accepted_findings, ACCEPTED, is_wide=True),
    ),
)
