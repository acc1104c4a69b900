with measured as (
    select
        drift.*,
        row_number() over (
            partition by drift.as_of_date, drift.feature
            order by drift.measured_at desc, drift.model_version desc
        ) as place
    from monitoring.feature_drift as drift
    inner join ml.model_versions as versions
        on drift.label = versions.label and drift.model_version = versions.model_version
    where drift.label = '{label}' and drift.is_used and versions.is_chosen
)

select
    as_of_date,
    model_version,
    feature,
    psi,
    ks,
    bins,
    train_missing_share,
    scored_missing_share,
    train_rows,
    scored_rows
from measured
where place = 1
order by as_of_date, psi desc, feature
