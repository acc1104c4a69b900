-- One row per user, session and date: what happened, page by page. The Cancel flow is timed and not counted.
with

events as (
    select
        *,
        {{ is_cancel_flow('page') }} as is_cancel_flow,
        {{ level_after('page', 'level') }} as level_after,
        hour(occurred_at) as hour_of_day
    from {{ ref('stg_sparkify__events') }}
    where {{ is_known_page('page') }}
),

-- A row that shows no level is on the last known one of its user; before the first known one it is on none.
levelled as (
    select
        *,
        coalesce(level, last(level_after, true) over (
            partition by user_id
            order by occurred_at, session_id, item_in_session, event_id
            rows between unbounded preceding and 1 preceding
        )) as known_level
    from events
),

-- Whether a play was cut short is known when the user goes on, and is dated so: never by a look ahead. It is not known
-- of a song without a length.
listened as (
    select
        *,
        last(
            case
                when page = 'NextSong'
                    then struct(unix_timestamp(occurred_at) + floor(song_length_seconds) as ends_at)
            end,
            true
        ) over (
            partition by user_id, session_id
            order by occurred_at, item_in_session, event_id
            rows between unbounded preceding and 1 preceding
        ).ends_at as last_song_ends_at
    from levelled
),

session_days as (
    select
        user_id,
        session_id,
        event_date,
        {% for measure, page in page_measures().items() %}
            count_if(page = '{{ page }}') as {{ measure }},
        {% endfor %}
        array(
            {% for hour in range(24) %}
                count_if(hour_of_day = {{ hour }} and not is_cancel_flow){{ ',' if not loop.last }}
            {% endfor %}
        ) as event_counts_by_hour,
        {% for name, page in recency_pages().items() %}
            max(case when page = '{{ page }}' then occurred_at end) as last_{{ name }}_at,
        {% endfor %}
        min(case when not is_cancel_flow then occurred_at end) as first_event_at,
        max(case when not is_cancel_flow then occurred_at end) as last_event_at,
        min(case when page = 'Cancellation Confirmation' then occurred_at end) as cancelled_at,
        min(case when page = 'Submit Downgrade' then occurred_at end) as first_downgraded_at,
        min(case when page = 'Submit Upgrade' then occurred_at end) as first_upgraded_at,
        max_by(page, struct(occurred_at, item_in_session, page)) filter (where not is_cancel_flow) as last_page,
        count_if(not is_cancel_flow) as event_count,
        count_if(not is_cancel_flow and known_level = 'paid') as paid_event_count,
        {% for level in ['free', 'paid'] %}
            count_if(page = 'NextSong' and known_level = '{{ level }}') as {{ level }}_song_count,
            count_if(page = 'Roll Advert' and known_level = '{{ level }}') as {{ level }}_advert_count,
        {% endfor %}
        count_if(page in ('NextSong', 'Logout') and unix_timestamp(occurred_at) < last_song_ends_at) as cut_short_count,
        cast(coalesce(sum(cast(song_length_seconds as decimal(12, 6))), 0) as decimal(18, 6)) as listening_seconds
    from listened
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
