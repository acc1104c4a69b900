"""The pages of the report, the index first; a module a page, and a line in it a chart."""

from models_ml.reports.pages import checks, churn, features, model, overview, predictions, quality, service

PAGES = (
    overview.PAGE,
    service.PAGE,
    churn.PAGE,
    model.PAGE,
    predictions.PAGE,
    quality.PAGE,
    checks.PAGE,
    features.PAGE,
)
