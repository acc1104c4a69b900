with newest as (
    select max_by(run_id, evaluated_at) as run_id
    from monitoring.retrospective_evaluations
),

champions as (
    select *
    from ml.model_versions
    where label = '{label}' and is_chosen
    order by trained_at desc
    limit 1
)

select
    evaluations.variant,
    evaluations.model,
    false as is_champion,
    evaluations.user_count as row_count,
    evaluations.churner_count,
    evaluations.auc,
    null as auc_low,
    null as auc_high,
    evaluations.average_precision,
    null as average_precision_low,
    null as average_precision_high,
    evaluations.weighted_f1,
    evaluations.f1,
    evaluations.accuracy,
    evaluations.evaluated_at as measured_at
from monitoring.retrospective_evaluations as evaluations
inner join newest on evaluations.run_id = newest.run_id
union all
select
    'the champion, on later snapshots' as variant,
    algorithm as model,
    true as is_champion,
    test_rows as row_count,
    test_positives as churner_count,
    metrics['test_auc'] as auc,
    metrics['test_auc_low'] as auc_low,
    metrics['test_auc_high'] as auc_high,
    metrics['test_average_precision'] as average_precision,
    metrics['test_average_precision_low'] as average_precision_low,
    metrics['test_average_precision_high'] as average_precision_high,
    metrics['test_weighted_f1'] as weighted_f1,
    metrics['test_f1'] as f1,
    metrics['test_accuracy'] as accuracy,
    trained_at as measured_at
from champions
order by is_champion asc, variant asc, auc desc, model asc
