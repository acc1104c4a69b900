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
    p.user_id,
    p.churn_probability,
    p.churn_probability_low,
    p.churn_probability_high,
    p.risk_decile,
    f.level,
    f.state,
    f.days_since_last_event,
    array_join(p.reasons, '; ') as reasons
from ml.churn_predictions as p
join newest on p.as_of_date = newest.as_of_date and p.model_version = newest.model_version
left join marts.fct_user_features as f on p.user_id = f.user_id and p.as_of_date = f.as_of_date
where p.label = '{label}'
order by p.churn_probability desc, p.risk_decile, p.user_id
limit 200
