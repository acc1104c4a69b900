select
    model_version,
    algorithm,
    calibration,
    threshold,
    trained_at,
    train_from,
    train_to,
    train_rows,
    train_users,
    test_from,
    test_to,
    test_rows,
    test_users,
    test_positives,
    is_chosen,
    promotion_reason,
    to_json(metrics) as metrics
from ml.model_versions
where label = '{label}'
