-- One row per user and date on which the variety of what the user has heard changes: added up over the dates before a
-- snapshot, the changes give the songs and artists heard until then, each counted once.
with

plays as (
    select
        user_id,
        event_date,
        stack(2, 'artist', artist, 'song', song) as (kind, title)
    from {{ ref('stg_sparkify__events') }}
    where page = 'NextSong'
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
),

neighbours as (
    select
        *,
        lag(event_date) over (partition by title_key order by event_date) as previous_date,
        lead(event_date) over (partition by title_key order by event_date) as next_date,
        sum(play_count) over (partition by title_key order by event_date) as play_count_so_far
    from title_days
),

-- A title is among those of the last 28 days from its first play on, until 28 days pass without another. Neither change
-- is dated before all that it depends on has happened.
changes as (
    select
        user_id,
        kind,
        inline(
            array(
                struct(
                    event_date as event_date,
                    int(previous_date is null) as first_play,
                    int(previous_date is null or previous_date <= date_sub(event_date, 28)) as change_28d,
                    int(play_count) as play_count,
                    cast({{ times_log2('play_count_so_far') }} as decimal(20, 9))
                    - cast({{ times_log2('(play_count_so_far - play_count)') }} as decimal(20, 9)) as play_count_log2
                ),
                struct(
                    date_add(event_date, 28) as event_date,
                    0 as first_play,
                    -int(next_date is null or next_date >= date_add(event_date, 28)) as change_28d,
                    0 as play_count,
                    cast(0 as decimal(21, 9)) as play_count_log2
                )
            )
        )
    from neighbours
),

variety_days as (
    select
        user_id,
        event_date,
        {% for kind in ['song', 'artist'] %}
            count_if(kind = '{{ kind }}' and first_play = 1) as first_{{ kind }}_count,
            sum(case when kind = '{{ kind }}' then change_28d else 0 end) as distinct_{{ kind }}_change_28d,
            sum(case when kind = '{{ kind }}' then play_count else 0 end) as {{ kind }}_play_count,
        {% endfor %}
        cast(sum(case when kind = 'artist' then play_count_log2 else 0 end) as decimal(28, 9)) as artist_play_count_log2
    from changes
    group by user_id, event_date
)

select * from variety_days
