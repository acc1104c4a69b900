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
),

limits as (
    select
        rule,
        try_cast(
            regexp_extract(max_by(expected, validated_at), 'PSI above ([0-9.e+-]+)', 1) as double
        ) as psi_limit
    from monitoring.validation_results
    where rule in ('drift.score', 'drift.inputs') and column_name = '{label}'
    group by rule
)

select
    measured.as_of_date,
    measured.model_version,
    measured.feature,
    measured.psi,
    measured.ks,
    measured.bins,
    measured.train_missing_share,
    measured.scored_missing_share,
    measured.train_rows,
    measured.scored_rows,
    limits.psi_limit
from measured
left join limits
    on limits.rule = case when measured.feature = 'score' then 'drift.score' else 'drift.inputs' end
where measured.place = 1
order by measured.as_of_date, measured.psi desc, measured.feature
