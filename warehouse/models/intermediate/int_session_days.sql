-- One row per user, session and date: what happened, page by page. The Cancel flow is timed and not counted.
with

events as (
    select
        *,
        {{ is_cancel_flow('page') }} as is_cancel_flow
    from {{ ref('stg_sparkify__events') }}
),

session_days as (
    select
        user_id,
        session_id,
        event_date,
        {% for measure, page in page_measures().items() %}
            count_if(page = '{{ page }}') as {{ measure }},
        {% endfor %}
        min(case when not is_cancel_flow then occurred_at end) as first_event_at,
        max(case when not is_cancel_flow then occurred_at end) as last_event_at,
        min(case when page = 'Cancellation Confirmation' then occurred_at end) as cancelled_at,
        min(case when page = 'Submit Downgrade' then occurred_at end) as first_downgraded_at,
        min(case when page = 'Submit Upgrade' then occurred_at end) as first_upgraded_at,
        count_if(not is_cancel_flow) as event_count,
        count_if(not is_cancel_flow and level = 'paid') as paid_event_count,
        coalesce(sum(song_length_seconds), 0) as listening_seconds
    from events
    group by user_id, session_id, event_date
),

timed as (
    select
        *,
        coalesce(unix_timestamp(last_event_at) - unix_timestamp(first_event_at), 0) as session_seconds,
        event_count > 0
        and event_date = min(event_date) over (partition by user_id, session_id) as is_session_start
    from session_days
)

select * from timed
