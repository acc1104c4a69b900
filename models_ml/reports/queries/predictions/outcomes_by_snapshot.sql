with versions as (
    select
        p.as_of_date,
        p.model_version,
        row_number() over (partition by p.as_of_date order by max(p.scored_at) desc, p.model_version) as place
    from ml.churn_predictions as p
    left join ml.model_versions as v on p.model_version = v.model_version and p.label = v.label
    where
        p.label = '{label}'
        -- What a model says of outcomes that it was trained on, or that overlap with these, is no prediction.
        and (v.train_to is null or date_add(v.train_to, v.horizon_days) <= p.as_of_date)
    group by p.as_of_date, p.model_version
)

select
    o.as_of_date,
    o.model_version,
    o.outcome_known_at,
    count(*) as user_count,
    sum(o.churn_probability) as expected_count,
    count_if(o.outcome) as true_count,
    count_if(o.predicted_churn) as called_count,
    count_if(o.predicted_churn and o.outcome) as called_true_count
from monitoring.prediction_outcomes as o
join versions on o.as_of_date = versions.as_of_date and o.model_version = versions.model_version
where o.label = '{label}' and o.origin = 'published' and versions.place = 1
group by o.as_of_date, o.model_version, o.outcome_known_at
order by o.as_of_date
