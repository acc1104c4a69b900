with scorings as (
    select
        as_of_date,
        model_version,
        row_number() over (partition by as_of_date order by max(scored_at) desc, model_version) as place
    from ml.churn_predictions
    where label = '{label}'
    group by as_of_date, model_version
),

two as (
    select
        as_of_date,
        model_version,
        row_number() over (order by as_of_date desc) as place
    from scorings
    where place = 1
),

scored as (
    select
        p.user_id,
        p.as_of_date,
        p.model_version,
        p.risk_decile,
        two.place
    from ml.churn_predictions as p
    join two on p.as_of_date = two.as_of_date and p.model_version = two.model_version
    where p.label = '{label}' and two.place <= 2
),

users as (
    select
        user_id,
        max(case when place = 2 then risk_decile end) as decile_before,
        max(case when place = 1 then risk_decile end) as decile_now
    from scored
    group by user_id
),

dates as (
    select
        max(case when place = 2 then as_of_date end) as date_before,
        max(case when place = 2 then model_version end) as version_before,
        max(case when place = 1 then as_of_date end) as date_now,
        max(case when place = 1 then model_version end) as version_now
    from two
)

select
    dates.date_before,
    dates.version_before,
    dates.date_now,
    dates.version_now,
    users.decile_before,
    users.decile_now,
    count(*) as user_count
from users
cross join dates
group by all
order by decile_before, decile_now
