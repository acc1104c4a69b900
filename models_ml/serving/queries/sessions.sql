select
    user_id,
    session_id,
    started_at,
    ended_at,
    event_count,
    paid_event_count,
    song_count,
    thumbs_up_count,
    thumbs_down_count,
    advert_count,
    has_cancellation
from marts.fct_sessions
