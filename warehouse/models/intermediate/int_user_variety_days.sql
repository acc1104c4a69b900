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

-- A title is among those of the last 28 days from a play on, until 28 days pass without another.
title_changes as (
    select
        *,
        previous_date is null as is_first,
        previous_date is null or previous_date <= date_sub(event_date, 28) as joins_28d,
        next_date is null or next_date >= date_add(event_date, 28) as leaves_28d,
        cast({{ times_log2('play_count_so_far') }} as decimal(20, 9))
        - cast({{ times_log2('(play_count_so_far - play_count)') }} as decimal(20, 9)) as play_count_log2
    from neighbours
),

play_dates as (
    select
        user_id,
        event_date,
        {% for kind in ['song', 'artist'] %}
            count_if(kind = '{{ kind }}' and is_first) as first_{{ kind }}_count,
            count_if(kind = '{{ kind }}' and joins_28d) as joining_{{ kind }}_count,
            count_if(kind = '{{ kind }}' and leaves_28d) as leaving_{{ kind }}_count,
            sum(if(kind = '{{ kind }}', play_count, 0)) as {{ kind }}_play_count,
        {% endfor %}
        sum(if(kind = 'artist', play_count_log2, 0)) as artist_play_count_log2
    from title_changes
    group by user_id, event_date
),

-- First plays are dated by the play. The titles of the last 28 days change then, and on the date when a title leaves
-- them: neither change is dated before all that it depends on has happened.
changes as (
    select
        user_id,
        inline(
            array(
                struct(
                    event_date as event_date,
                    {% for kind in ['song', 'artist'] %}
                        first_{{ kind }}_count as first_{{ kind }}_count,
                        {{ kind }}_play_count as {{ kind }}_play_count,
                        joining_{{ kind }}_count as distinct_{{ kind }}_change_28d,
                    {% endfor %}
                    artist_play_count_log2 as artist_play_count_log2
                ),
                struct(
                    date_add(event_date, 28) as event_date,
                    {% for kind in ['song', 'artist'] %}
                        0 as first_{{ kind }}_count,
                        0 as {{ kind }}_play_count,
                        -leaving_{{ kind }}_count as distinct_{{ kind }}_change_28d,
                    {% endfor %}
                    0 as artist_play_count_log2
                )
            )
        )
    from play_dates
),

variety_days as (
    select
        user_id,
        event_date,
        {% for kind in ['song', 'artist'] %}
            sum(first_{{ kind }}_count) as first_{{ kind }}_count,
            sum(distinct_{{ kind }}_change_28d) as distinct_{{ kind }}_change_28d,
            sum({{ kind }}_play_count) as {{ kind }}_play_count,
        {% endfor %}
        cast(sum(artist_play_count_log2) as decimal(28, 9)) as artist_play_count_log2
    from changes
    group by user_id, event_date
)

select * from variety_days
