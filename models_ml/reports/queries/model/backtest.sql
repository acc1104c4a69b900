select
    as_of_date,
    rows as row_count,
    positives as positive_count,
    auc,
    average_precision,
    brier_skill,
    lift_top_10,
    mean_probability,
    observed_rate
from monitoring.model_performance
where label = '{label}' and origin = 'backtest'
order by as_of_date
