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
    case when grouping(f.level) = 0 then 'level' else 'state' end as grouped_by,
    f.level,
    f.state,
    count(*) as user_count,
    count_if(f.level = 'paid') as paid_count,
    avg(p.churn_probability) as mean_probability,
    percentile(p.churn_probability, array(0.1D, 0.25D, 0.5D, 0.75D, 0.9D)) as quantiles
from ml.churn_predictions as p
join newest on p.as_of_date = newest.as_of_date and p.model_version = newest.model_version
left join marts.fct_user_features as f on p.user_id = f.user_id and p.as_of_date = f.as_of_date
where p.label = '{label}'
group by grouping sets ((p.as_of_date, f.level), (p.as_of_date, f.state))
order by grouped_by, mean_probability desc, f.level, f.state
