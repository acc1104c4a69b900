-- One row per user and date on which the variety of what the user has heard changes: added up over the dates before a
-- snapshot, the changes give the songs and artists heard until then, each counted once.
with

title_days as (
    select * from {{ ref('int_user_title_days') }}
),

touched_titles as (
    select distinct title_key from title_days
    where {{ is_touched('event_date', 'dates') }}
),

-- A play counts until 28 days have passed.
counting_days as (
    select
        user_id,
        kind,
        title_key,
        event_date,
        play_count
    from title_days
    where {{ is_touched('date_add(event_date, 28)', 'dates') }}
),

-- What of the touched titles was played before, as one row on the last date of it.
days_before as (
    select
        title_days.user_id,
        title_days.kind,
        title_days.title_key,
        max(title_days.event_date) as event_date,
        sum(title_days.play_count) as play_count
    from title_days
    left semi join touched_titles
        on title_days.title_key = touched_titles.title_key
    where date_add(title_days.event_date, 28) < {{ first_touched('dates') }} and {{ is_increment() }}
    group by title_days.user_id, title_days.kind, title_days.title_key
),

days as (
    select * from counting_days
    union all
    select * from days_before
),

played as (
    select
        *,
        lag(event_date) over (partition by title_key order by event_date) as previous_date,
        lead(event_date) over (partition by title_key order by event_date) as next_date,
        sum(play_count) over (partition by title_key order by event_date) as play_count_so_far
    from days
),

-- A title is among those of the last 28 days from a play on, until 28 days pass without another.
title_plays as (
    select
        *,
        previous_date is null as is_first,
        previous_date is null or previous_date <= date_sub(event_date, 28) as joins_28d,
        next_date is null or next_date >= date_add(event_date, 28) as leaves_28d,
        cast({{ times_log2('play_count_so_far') }} as decimal(20, 9))
        - cast({{ times_log2('(play_count_so_far - play_count)') }} as decimal(20, 9)) as play_count_log2
    from played
),

dated as (
    select
        *,
        explode(array(0, 28)) as days_later
    from title_plays
),

-- First plays are dated by the play. The titles of the last 28 days change then, and on the date when a title leaves
-- them: neither change is dated before all that it depends on has happened.
changes as (
    select
        user_id,
        kind,
        date_add(event_date, days_later) as event_date,
        if(days_later = 0, int(is_first), 0) as first_count,
        if(days_later = 0, int(joins_28d), -int(leaves_28d)) as change_28d,
        if(days_later = 0, play_count, 0) as play_count,
        if(days_later = 0, play_count_log2, 0) as play_count_log2
    from dated
),

variety_days as (
    select
        user_id,
        event_date,
        {% for kind in ['song', 'artist'] %}
            sum(if(kind = '{{ kind }}', first_count, 0)) as first_{{ kind }}_count,
            sum(if(kind = '{{ kind }}', change_28d, 0)) as distinct_{{ kind }}_change_28d,
            sum(if(kind = '{{ kind }}', play_count, 0)) as {{ kind }}_play_count,
        {% endfor %}
        cast(sum(if(kind = 'artist', play_count_log2, 0)) as decimal(28, 9)) as artist_play_count_log2
    from changes
    where {{ is_touched('event_date', 'dates') }}
    group by user_id, event_date
)

select * from variety_days
