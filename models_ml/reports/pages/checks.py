"""The page of checks, for who mends what they find."""

from __future__ import annotations

from models_ml.reports.charts import checks, dbt_tests, drift, event_values
from models_ml.reports.pages.quality import EVENT_VALUES
from models_ml.reports.panels import Page, Panel
from models_ml.reports.remedies import AUDIT, BUILD, INGEST, PREDICT

REFUSED = "No refused line is kept: none was refused so far, or no log has been taken in yet."
TESTS = "No test of dbt is on record yet: `sparkhouse build` runs them, and keeps what became of each."
SNAPSHOTS = "No two snapshots are described yet: `sparkhouse build` does it, once the log has reached a Monday."
DRIFT = "checks/drift"

PAGE = Page(
    "checks",
    "Checks",
    "Every finding with what was seen and expected, every rule and test by run, and what moved.",
    (
        Panel("Findings", "quality/last_audit", checks.findings, AUDIT, is_wide=True),
        Panel("Rules by run", "checks/rules_by_run", checks.rules_by_run, AUDIT, is_wide=True),
        Panel("Tests of dbt", "checks/dbt_tests", dbt_tests.by_model, TESTS, is_wide=True),
        Panel("Values of each column", EVENT_VALUES, event_values.values, BUILD),
        Panel("Features of the newest snapshot", "features/snapshots", drift.feature_changes, SNAPSHOTS),
        Panel("Drift by input", DRIFT, drift.drift_by_input, PREDICT),
        Panel("Drift over time", DRIFT, drift.drift_over_time, PREDICT),
        Panel("Refused lines", "checks/refused_lines", checks.refused_lines, REFUSED),
        Panel("Files taken in", "checks/files", checks.files, INGEST),
    ),
)
