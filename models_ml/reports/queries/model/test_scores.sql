with champion as (
    select
        model_version,
        label,
        threshold,
        test_rows,
        test_users,
        map_filter(metrics, (name, value) -> not contains(name, '.')) as metrics
    from ml.model_versions
    where label = '{label}' and is_chosen
    order by trained_at desc
    limit 1
)
select
    churn_probability,
    row_count,
    positive_count,
    threshold,
    test_rows,
    test_users,
    metrics
from ml.test_scores
join champion using (model_version, label)
order by churn_probability
