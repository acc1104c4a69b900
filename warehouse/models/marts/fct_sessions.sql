-- One row per session of a user. The Cancel flow counts neither as events nor as time: it only sets has_cancellation.
with

session_days as (
    select * from {{ ref('int_session_days') }}
),

sessions as (
    select
        user_id,
        session_id,
        sum(event_count) as event_count,
        sum(paid_event_count) as paid_event_count,
        sum(song_count) as song_count,
        sum(thumbs_up_count) as thumbs_up_count,
        sum(thumbs_down_count) as thumbs_down_count,
        sum(advert_count) as advert_count,
        sum(listening_seconds) as listening_seconds,
        count(cancelled_at) > 0 as has_cancellation,
        min(first_event_at) as started_at,
        max(last_event_at) as ended_at
    from session_days
    group by user_id, session_id
),

final as (
    select
        user_id,
        session_id,
        event_count,
        paid_event_count,
        song_count,
        thumbs_up_count,
        thumbs_down_count,
        advert_count,
        cast(listening_seconds as double) as listening_seconds,
        has_cancellation,
        started_at,
        ended_at,
        unix_timestamp(ended_at) - unix_timestamp(started_at) as duration_seconds
    from sessions
    where event_count > 0
)

select * from final
