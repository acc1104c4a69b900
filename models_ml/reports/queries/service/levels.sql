select
    event_date,
    count_if(paid_event_count > 0) as paid_user_count,
    count_if(event_count > 0 and paid_event_count = 0) as free_user_count
from intermediate.int_user_days
group by event_date
order by event_date
