-- One row per user and date with an event: the small table that every window is summed from.
with

session_days as (
    select * from {{ ref('int_session_days') }}
),

user_days as (
    select
        user_id,
        event_date,
        {% for measure in page_measures() %}
            sum({{ measure }}) as {{ measure }},
        {% endfor %}
        min(first_event_at) as first_event_at,
        max(last_event_at) as last_event_at,
        min(cancelled_at) as cancelled_at,
        min(first_downgraded_at) as first_downgraded_at,
        min(first_upgraded_at) as first_upgraded_at,
        count_if(is_session_start) as session_count,
        sum(session_seconds) as session_seconds,
        sum(listening_seconds) as listening_seconds,
        sum(event_count) as event_count,
        sum(paid_event_count) as paid_event_count
    from session_days
    group by user_id, event_date
)

select * from user_days
