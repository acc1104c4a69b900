-- One row per user, song or artist, and date on which the user played it.
with

plays as (
    select
        user_id,
        event_date,
        stack(2, 'artist', artist, 'song', song) as (kind, title)
    from {{ ref('stg_sparkify__events') }}
    where page = 'NextSong' and {{ is_touched('event_date', 'dates') }}
),

-- 64 bits stand for a user's title: they sort far faster than texts, and are far too many for two titles to share one.
title_days as (
    select
        user_id,
        kind,
        event_date,
        xxhash64(user_id, kind, title) as title_key,
        count(*) as play_count
    from plays
    where title is not null
    group by user_id, kind, event_date, xxhash64(user_id, kind, title)
)

select * from title_days
