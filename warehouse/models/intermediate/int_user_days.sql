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
        array(
            {% for hour in range(24) %}
                sum(event_counts_by_hour[{{ hour }}]){{ ',' if not loop.last }}
            {% endfor %}
        ) as event_counts_by_hour,
        {% for name in recency_pages() %}
            max(last_{{ name }}_at) as last_{{ name }}_at,
        {% endfor %}
        min(first_event_at) as first_event_at,
        max(last_event_at) as last_event_at,
        min(cancelled_at) as cancelled_at,
        min(first_downgraded_at) as first_downgraded_at,
        min(first_upgraded_at) as first_upgraded_at,
        count_if(is_session_start) as session_count,
        sum(session_seconds) as session_seconds,
        cast(sum(listening_seconds) as decimal(18, 6)) as listening_seconds,
        sum(event_count) as event_count,
        sum(paid_event_count) as paid_event_count,
        sum(free_song_count) as free_song_count,
        sum(free_advert_count) as free_advert_count,
        sum(paid_song_count) as paid_song_count,
        sum(paid_advert_count) as paid_advert_count,
        sum(cut_short_count) as cut_short_count
    from session_days
    group by user_id, event_date
)

select * from user_days
