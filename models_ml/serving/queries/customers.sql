with dates as (
    select
        as_of_date,
        model_version,
        row_number() over (partition by as_of_date order by max(scored_at) desc, model_version) as place
    from ml.churn_predictions
    where label = '{label}'
    group by as_of_date, model_version
),

ordered as (
    select
        as_of_date,
        model_version,
        row_number() over (order by as_of_date desc) as nth_newest
    from dates
    where place = 1
),

scored as (
    select
        p.*,
        ordered.nth_newest
    from ml.churn_predictions as p
    join ordered on p.as_of_date = ordered.as_of_date and p.model_version = ordered.model_version
    where p.label = '{label}' and ordered.nth_newest <= 2
),

log_end as (
    select max(last_event_at) as ended_at
    from marts.dim_users
)

select
    u.user_id,
    u.level,
    u.state,
    u.metro,
    u.gender,
    u.device_family,
    u.registered_at,
    u.first_event_at,
    u.last_event_at,
    u.cancelled_at,
    u.is_churned,
    datediff(log_end.ended_at, u.last_event_at) as days_since_last_event,
    n.as_of_date,
    n.model_version,
    n.churn_probability as probability,
    n.churn_probability_low as probability_low,
    n.churn_probability_high as probability_high,
    n.churn_probability - b.churn_probability as probability_change,
    n.risk_decile,
    b.risk_decile as risk_decile_before,
    n.predicted_churn,
    n.reasons[0] as first_reason,
    to_json(n.reasons) as reasons
from marts.dim_users as u
cross join log_end
left join scored as n on u.user_id = n.user_id and n.nth_newest = 1
left join scored as b on u.user_id = b.user_id and b.nth_newest = 2
