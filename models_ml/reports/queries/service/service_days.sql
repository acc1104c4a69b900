select
    event_date,
    active_user_count,
    active_user_count_7d,
    new_user_count,
    session_count,
    song_count,
    advert_count,
    upgrade_count,
    downgrade_count,
    cancellation_count,
    listening_hours
from marts.fct_service_days
order by event_date
