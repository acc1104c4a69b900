with newest as (
    select
        as_of_date,
        model_version
    from ml.churn_predictions
    where label = '{label}'
    group by as_of_date, model_version
    order by as_of_date desc, max(scored_at) desc, model_version
    limit 1
)

select
    p.as_of_date,
    p.model_version,
    v.threshold,
    v.horizon_days,
    least(floor(p.churn_probability * 200), 199) / 200.0D as probability_from,
    count(*) as user_count,
    count_if(p.predicted_churn) as called_count,
    sum(p.churn_probability) as probability_sum
from ml.churn_predictions as p
join newest on p.as_of_date = newest.as_of_date and p.model_version = newest.model_version
left join ml.model_versions as v on p.model_version = v.model_version and p.label = v.label
where p.label = '{label}'
group by p.as_of_date, p.model_version, v.threshold, v.horizon_days, probability_from
order by probability_from
