"""The page of the model."""

from __future__ import annotations

from models_ml.reports.charts import model, model_curves, model_retrospective, model_trials
from models_ml.reports.panels import Page, Panel
from models_ml.reports.remedies import TRAIN

SCORES, EFFECTS, BACKTESTS = "model/test_scores", "model/feature_effects", "model/backtest"

NO_SCORES = "Of the champion no test scores are kept yet: a version that `sparkhouse train` makes champion brings them."
NO_EFFECTS = (
    "Of the champion no effects of inputs are kept yet: a version that `sparkhouse train` makes champion has them."
)
NO_COMPARISON = "Ways to deal with imbalance were not compared yet: `sparkhouse compare-imbalance`."
NO_RETROSPECTIVE = (
    "The notebooks' way was not evaluated yet, or there is no model to set it against: `sparkhouse train`, then "
    "`sparkhouse evaluate --protocol retrospective`."
)
NO_BACKTEST = "No past dates were walked through yet: `sparkhouse backtest --dates 5`."

PAGE = Page(
    "model",
    "Model",
    "How good the champion is, how sure that is, and what it goes by.",
    (
        Panel("Metric card", "model/champion", model.metric_card, TRAIN, is_wide=True, looks_back=True),
        Panel("Algorithms and baselines", "model/champion", model.algorithms, TRAIN, looks_back=True),
        Panel("Calibration", SCORES, model_curves.calibration, NO_SCORES, looks_back=True),
        Panel("ROC curve", SCORES, model_curves.roc, NO_SCORES, looks_back=True),
        Panel("Precision and recall", SCORES, model_curves.precision_recall, NO_SCORES, looks_back=True),
        Panel("Cumulative gain", SCORES, model_curves.gain, NO_SCORES, looks_back=True),
        Panel("Lift", SCORES, model_curves.lift, NO_SCORES, looks_back=True),
        Panel("Threshold", SCORES, model_curves.threshold, NO_SCORES, looks_back=True),
        Panel("Expected value of offers", SCORES, model_curves.expected_value, NO_SCORES, looks_back=True),
        Panel("Importance of inputs", EFFECTS, model.importance, NO_EFFECTS, looks_back=True),
        Panel("Effect of the main inputs", EFFECTS, model.effects, NO_EFFECTS),
        Panel("Backtest: ranking", BACKTESTS, model_trials.backtest_ranking, NO_BACKTEST, looks_back=True),
        Panel("Backtest: foretold and came", BACKTESTS, model_trials.backtest_rates, NO_BACKTEST, looks_back=True),
        Panel("Imbalance", "model/imbalance", model_trials.imbalance, NO_COMPARISON, is_wide=True, looks_back=True),
        Panel(
            "Honest and retrospective",
            "model/retrospective",
            model_retrospective.honest_and_retrospective,
            NO_RETROSPECTIVE,
            is_wide=True,
            looks_back=True,
        ),
        Panel("Versions", "model/versions", model_trials.versions, TRAIN, is_wide=True, looks_back=True),
    ),
)
