select
    weekday(event_date) as weekday,
    hour,
    sum(event_count) as event_count
from (
    select event_date, posexplode(event_counts_by_hour) as (hour, event_count)
    from intermediate.int_user_days
)
group by weekday, hour
order by weekday, hour
