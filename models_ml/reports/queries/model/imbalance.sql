select
    imbalance,
    algorithm,
    is_best,
    fold_average_precision,
    average_precision,
    auc,
    brier_skill,
    calibration_error,
    f1,
    compared_at
from monitoring.imbalance_comparisons
where run_id = (
    select max_by(run_id, compared_at) from monitoring.imbalance_comparisons where label = '{label}'
)
order by imbalance, algorithm
