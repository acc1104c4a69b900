with champion as (
    select model_version
    from ml.model_versions
    where label = '{label}' and is_chosen
    order by trained_at desc
    limit 1
),

measured as (
    select
        drift.*,
        row_number() over (partition by drift.feature order by drift.as_of_date desc, drift.measured_at desc) as place
    from monitoring.feature_drift as drift
    where drift.label = '{label}' and drift.model_version = (select model_version from champion)
)

select
    as_of_date,
    model_version,
    feature,
    kind,
    is_used,
    psi,
    train_rows,
    scored_rows,
    transform(distribution, each -> each.bin) as bins,
    transform(distribution, each -> each.train_rows) as bin_train_rows,
    transform(distribution, each -> each.scored_rows) as bin_scored_rows
from measured
where place = 1
order by psi desc, feature
