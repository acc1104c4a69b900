-- One row per user, session and date: what happened, page by page. The Cancel flow is timed and not counted.
{%- set carried = {
    'user_id': 'string',
    'session_id': 'bigint',
    'event_date': 'date',
    'song_count': 'bigint',
    'last_level': 'string',
    'last_levelled_at': 'timestamp',
    'last_song_ends_at': 'bigint',
} %}
with

events as (
    select
        user_id,
        session_id,
        event_date,
        occurred_at,
        item_in_session,
        page,
        level,
        song_length_seconds,
        -- Of events of one moment, some of the digits of its hash tell which comes first: all would be dear to sort.
        left(event_id, 16) as event_key,
        {{ level_after('page', 'level') }} as level_after
    from {{ ref('stg_sparkify__events') }}
    where {{ is_known_page('page') }} and {{ is_touched('event_date', 'dates') }}
),

days_before as (
    select * from ({{ earlier_rows(carried) }})
    where event_date < {{ first_touched('dates') }}
),

levels_before as (
    select
        user_id,
        max_by(last_level, struct(last_levelled_at, session_id)) as last_level
    from days_before
    where last_level is not null
    group by user_id
),

sessions_before as (
    select
        user_id,
        session_id,
        max_by(struct(last_song_ends_at as ends_at), event_date) filter (where song_count > 0) as last_play
    from days_before
    group by user_id, session_id
),

-- Few logs have rows without a level: only of users with such a row, all rows are put in order for it.
unlevelled_users as (
    select distinct user_id from events
    where level is null
),

-- A row that shows no level is on the last known one of its user; before the first known one it is on none.
levelled as (
    select /*+ broadcast(unlevelled_users) */
        events.*,
        events.level as known_level
    from events
    left anti join unlevelled_users
        on events.user_id = unlevelled_users.user_id
    union all
    select /*+ broadcast(unlevelled_users) */
        events.*,
        coalesce(
            events.level,
            last(events.level_after, true) over (
                partition by events.user_id
                order by events.occurred_at, events.session_id, events.item_in_session, events.event_key
                rows between unbounded preceding and 1 preceding
            ),
            levels_before.last_level
        ) as known_level
    from events
    left semi join unlevelled_users
        on events.user_id = unlevelled_users.user_id
    left join levels_before
        on events.user_id = levels_before.user_id
),

plays as (
    select
        *,
        case
            when page = 'NextSong' then struct(unix_timestamp(occurred_at) + floor(song_length_seconds) as ends_at)
        end as play
    from levelled
),

-- The order within the window begins with the date, so that a date's rows lie together when they are added up.
-- Whether a play was cut short is known when the user goes on, and is dated so: never by a look ahead. It is not known
-- of a song without a length.
listened as (
    select
        plays.*,
        {{ is_cancel_flow('plays.page') }} as is_cancel_flow,
        hour(plays.occurred_at) as hour_of_day,
        coalesce(
            last(plays.play, true) over (
                partition by plays.user_id, plays.session_id
                order by plays.event_date, plays.occurred_at, plays.item_in_session, plays.event_key
                rows between unbounded preceding and 1 preceding
            ),
            sessions_before.last_play
        ).ends_at as last_song_ends_at
    from plays
    left join sessions_before
        on
            plays.user_id = sessions_before.user_id
            and plays.session_id = sessions_before.session_id
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
        max_by(level_after, struct(occurred_at, item_in_session, event_key)) filter (
            where level_after is not null
        ) as last_level,
        max(case when level_after is not null then occurred_at end) as last_levelled_at,
        max_by(play, struct(occurred_at, item_in_session, event_key)) filter (where play is not null).ends_at
            as last_song_ends_at,
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
        session_days.*,
        coalesce(
            unix_timestamp(session_days.last_event_at) - unix_timestamp(session_days.first_event_at), 0
        ) as session_seconds,
        session_days.event_count > 0
        and sessions_before.session_id is null
        and session_days.event_date = min(session_days.event_date) over (
            partition by session_days.user_id, session_days.session_id
        ) as is_session_start
    from session_days
    left join sessions_before
        on
            session_days.user_id = sessions_before.user_id
            and session_days.session_id = sessions_before.session_id
)

select * from timed
