select
    event_date,
    session_count
from marts.fct_service_days
order by event_date
