"""The page of data quality."""

from __future__ import annotations

from models_ml.reports.charts import quality, quality_measures
from models_ml.reports.panels import Page, Panel
from models_ml.reports.remedies import AUDIT, BUILD, INGEST, PREDICT, SNAPSHOT

REFUSED = "No refused line is kept: none was refused so far, or no log has been taken in yet."
ACCEPTED = 'Nobody has let a finding pass by hand: `sparkhouse publish RUN_ID --accept RULE --reason "..."` does it.'

PAGE = Page(
    "quality",
    "Data quality",
    "What the gate checked, found and let pass; what came in, and what was refused.",
    (
        Panel("The last audit", "quality/last_audit", quality.last_audit, AUDIT, is_wide=True),
        Panel("Rules by run", "quality/rules_by_run", quality.rules_by_run, AUDIT, is_wide=True),
        Panel("Accepted findings", "quality/accepted_findings", quality.accepted_findings, ACCEPTED, is_wide=True),
        Panel(
            "Sessions against the weeks before",
            "quality/session_days",
            quality_measures.sessions_expected,
            INGEST,
            is_wide=True,
        ),
        Panel("Files taken in", "quality/files", quality.files, INGEST),
        Panel("Refused lines", "quality/refused_lines", quality.refused_lines, REFUSED),
        Panel("Freshness", "quality/freshness", quality_measures.freshness, BUILD),
        Panel(
            "Features of the newest snapshot",
            "quality/feature_snapshots",
            quality_measures.feature_changes,
            SNAPSHOT,
        ),
        Panel("Drift by input", "quality/drift", quality_measures.drift_by_input, PREDICT),
        Panel("Drift over time", "quality/drift", quality_measures.drift_over_time, PREDICT),
    ),
)
