-- One row per user, session and date: the session as it was known when the date was over, and what the date changed.
{%- set so_far = 'over (partition by user_id, session_id order by event_date)' %}
with

session_days as (
    select * from {{ ref('int_session_days') }}
    where event_count > 0
),

touched_users as (
    select distinct user_id from session_days
    where {{ is_touched('event_date', 'dates') }}
),

days as (
    select session_days.*
    from session_days
    left semi join touched_users
        on session_days.user_id = touched_users.user_id
),

known as (
    select
        user_id,
        session_id,
        event_date,
        min(event_date) {{ so_far }} as first_date,
        min(unix_timestamp(first_event_at)) {{ so_far }} as started_at,
        max(unix_timestamp(last_event_at)) {{ so_far }} as ended_at,
        sum(song_count) {{ so_far }} as song_count,
        max(error_count > 0) {{ so_far }} as has_error,
        max(thumbs_down_count > 0) {{ so_far }} as has_thumbs_down,
        last_page = 'Logout' as ends_with_logout,
        song_count as song_change
    from days
),

numbered as (
    select
        *,
        ended_at - started_at as length_seconds,
        dense_rank() over (partition by user_id order by started_at, session_id) as session_number
    from known
),

-- The end of the session before, as it is known when the date on which the next one starts is over, and stays known.
gaps as (
    select
        begun.user_id,
        begun.session_id,
        -- Sessions may overlap: then there is no gap.
        greatest(begun.started_at - max(earlier.ended_at), 0) as gap_seconds
    from numbered as begun
    inner join numbered as earlier
        on
            begun.user_id = earlier.user_id
            and begun.session_number - 1 = earlier.session_number
            and begun.first_date >= earlier.event_date
    where begun.event_date = begun.first_date
    group by begun.user_id, begun.session_id, begun.started_at
),

-- A session that runs over midnight counts for what is known of it, and on its next date for the rest.
session_states as (
    select
        {% for kind, flag in {
            'error': 'has_error', 'thumbs_down': 'has_thumbs_down', 'logout': 'ends_with_logout'
        }.items() %}
            int(numbered.{{ flag }}) - lag(int(numbered.{{ flag }}), 1, 0) over so_far as {{ kind }}_change,
        {% endfor %}
        numbered.*,
        gaps.gap_seconds,
        numbered.event_date = numbered.first_date as is_begun,
        numbered.length_seconds - lag(numbered.length_seconds, 1, 0) over so_far as length_change,
        numbered.length_seconds * numbered.length_seconds
        - lag(numbered.length_seconds * numbered.length_seconds, 1, 0) over so_far as length_squares_change
    from numbered
    left join gaps
        on
            numbered.user_id = gaps.user_id
            and numbered.session_id = gaps.session_id
    window so_far as (partition by numbered.user_id, numbered.session_id order by numbered.event_date)
)

select * from session_states
