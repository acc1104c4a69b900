-- The last snapshot of each month; both levels at entry together.
select
    registration_month,
    as_of_date,
    sum(user_count) as user_count,
    sum(subscribed_user_count) as subscribed_user_count,
    cast(max(log_from) as date) as log_from
from marts.fct_retention_cohorts
cross join (
    -- A stray early event is no beginning.
    select min(observed_from) as log_from
    from intermediate.int_observation_window
    where timestampdiff(day, observed_from, observed_until) >= 7
)
where as_of_date in (select max(as_of_date) from marts.fct_retention_cohorts group by trunc(as_of_date, 'month'))
group by registration_month, as_of_date
order by registration_month, as_of_date
