select
    model_version,
    algorithm,
    calibration,
    threshold,
    trained_at,
    train_rows,
    train_users,
    test_from,
    test_to,
    test_rows,
    test_users,
    test_positives,
    metrics
from ml.model_versions
where label = '{label}' and is_chosen
order by trained_at desc
limit 1
