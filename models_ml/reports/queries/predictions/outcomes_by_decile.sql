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
),

users as (
    select
        p.risk_decile,
        o.user_id,
        count(*) as row_count,
        count_if(o.outcome) as true_count,
        sum(o.churn_probability) as expected_count
    from monitoring.prediction_outcomes as o
    join versions on o.as_of_date = versions.as_of_date and o.model_version = versions.model_version
    join ml.churn_predictions as p
        on
            o.user_id = p.user_id
            and o.as_of_date = p.as_of_date
            and o.model_version = p.model_version
            and o.label = p.label
    where o.label = '{label}' and o.origin = 'published' and versions.place = 1
    group by p.risk_decile, o.user_id
)

select
    risk_decile,
    count(*) as user_count,
    sum(row_count) as row_count,
    sum(true_count) as true_count,
    sum(expected_count) as expected_count,
    sum(row_count * row_count) as row_square_sum,
    sum(true_count * true_count) as true_square_sum,
    sum(row_count * true_count) as product_sum
from users
group by risk_decile
order by risk_decile
