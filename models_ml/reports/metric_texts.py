"""What the metrics are called, how they are printed and what they mean."""

from __future__ import annotations

from typing import NamedTuple

from models_ml.evaluation.weighted_metrics import TOP_PERCENTS

READING_AUC = (
    "Churn in this log is nearly memoryless: what users did before tells little about who leaves in just these weeks, "
    "so even the best possible ranking stays nearer to the 0.5 of chance than to 1. Judge an AUC by its interval and "
    "its distance from best_single_feature, and behind one too good to be true suspect a feature that looks past as_of."
)


class MetricText(NamedTuple):
    """How a metric is called, printed and explained."""

    title: str
    form: str
    meaning: str


METRIC_TEXTS = {
    "auc": MetricText("AUC", "{:.3f}", "Chance that a churner ranks above one who stays; 0.5 is guessing."),
    "average_precision": MetricText(
        "Average precision", "{:.3f}", "Precision averaged over all thresholds; guessing gets the base rate."
    ),
    "f1": MetricText("F1 of churners", "{:.3f}", "Harmonic mean of precision and recall at the threshold."),
    "weighted_f1": MetricText(
        "F1, both classes",
        "{:.3f}",
        "F1 of churners and of the others, weighted by their rows: high by base rate alone.",
    ),
    "accuracy": MetricText("Accuracy", "{:.1%}", "Share of calls that are right: high by base rate alone."),
    "precision": MetricText("Precision", "{:.1%}", "Share of those called churners who are."),
    "recall": MetricText("Recall", "{:.1%}", "Share of the churners who are called."),
    **{
        f"lift_top_{k}": MetricText(f"Lift, top {k} %", "{:.2f}", f"Churn rate of the top {k} % over the base rate.")
        for k in TOP_PERCENTS
    },
    **{
        f"capture_top_{k}": MetricText(
            f"Capture, top {k} %", "{:.1%}", f"Share of all churners found in the top {k} %; guessing finds {k} %."
        )
        for k in TOP_PERCENTS
    },
    "brier": MetricText("Brier score", "{:.4f}", "Mean squared error of the probability; lower is better."),
    "brier_skill": MetricText(
        "Brier skill", "{:.1%}", "How much lower the Brier score is than that of always saying the base rate."
    ),
    "calibration_error": MetricText(
        "Calibration error", "{:.1%}", "Mean distance of prediction from observed rate over ten bins; lower is better."
    ),
}
