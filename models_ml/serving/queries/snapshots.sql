with dates as (
    select
        as_of_date,
        row_number() over (order by as_of_date desc) as nth_newest
    from marts.fct_user_features
    group by as_of_date
)

select
    f.*,
    l.{label} as outcome,
    dates.nth_newest = 1 as is_newest
from marts.fct_user_features as f
join dates on f.as_of_date = dates.as_of_date
left join marts.fct_churn_labels as l on f.user_id = l.user_id and f.as_of_date = l.as_of_date
where
    dates.nth_newest = 1
    or (l.{label} is not null and pmod(xxhash64(f.user_id, f.as_of_date), 1000) < {past_per_mille})
