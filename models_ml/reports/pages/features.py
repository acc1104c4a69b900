"""The page of the features."""

from __future__ import annotations

from models_ml.reports.charts import feature_values, features
from models_ml.reports.panels import Page, Panel

AUCS, DRIFT, EFFECTS = "features/label_auc", "features/drift", "model/feature_effects"

NO_SNAPSHOT = "No snapshot is summed up yet: the log has to reach a Monday, then `sparkhouse build` does it."
NO_OUTCOME = "No outcome of a snapshot is known yet: the horizon has to pass, then `sparkhouse build` takes it in."
NO_AUC = "No column was ranked by yet: the audit of `sparkhouse build` does it."
NO_DRIFT = "Nothing was compared with the training yet: `sparkhouse predict` does it, once there is a champion."

PAGE = Page(
    "features",
    "Features",
    "What is known of a user at a snapshot: what each feature means, what it is made from, and how its values lie.",
    (
        Panel(
            "All features",
            "features/snapshots",
            features.catalogue,
            NO_SNAPSHOT,
            is_wide=True,
            looks_back=True,
            beside=(AUCS, "features/lineage", DRIFT),
        ),
        Panel("Each feature alone", AUCS, features.ranking, NO_AUC, looks_back=True),
        Panel(
            "Who left and who stayed",
            "features/outcomes",
            feature_values.outcomes,
            NO_OUTCOME,
            looks_back=True,
            beside=(EFFECTS, AUCS),
        ),
        Panel(
            "Main inputs over the snapshots",
            "features/snapshots",
            feature_values.courses,
            NO_SNAPSHOT,
            beside=(EFFECTS, AUCS),
        ),
        Panel("Now and at the training", DRIFT, feature_values.since_training, NO_DRIFT),
    ),
)
