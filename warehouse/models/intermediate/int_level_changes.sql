-- One row per event from which on a user is on another level than before; the first known level is one, too.
{%- set carried = {
    'user_id': 'string',
    'event_date': 'date',
    'occurred_at': 'timestamp',
    'session_id': 'bigint',
    'item_in_session': 'bigint',
    'event_id': 'string',
    'level': 'string',
} %}
with

events as (
    select
        user_id,
        event_date,
        occurred_at,
        session_id,
        item_in_session,
        event_id,
        {{ level_after('page', 'level') }} as level_after
    from {{ ref('stg_sparkify__events') }}
    where {{ is_known_page('page') }} and {{ is_touched('event_date', 'dates') }}
),

changes_before as (
    select * from ({{ earlier_rows(carried) }})
    where event_date < {{ first_touched('dates') }}
),

levels_before as (
    select
        user_id,
        max_by(level, struct(occurred_at, session_id, item_in_session, event_id)) as level
    from changes_before
    group by user_id
),

-- A row that shows no level changes none: the last known one stays in force.
known_levels as (
    select
        events.*,
        coalesce(
            lag(events.level_after) over (
                partition by events.user_id
                order by events.occurred_at, events.session_id, events.item_in_session, events.event_id
            ),
            levels_before.level
        ) as previous_level
    from events
    left join levels_before
        on events.user_id = levels_before.user_id
    where events.level_after is not null
),

level_changes as (
    select
        user_id,
        event_date,
        occurred_at,
        session_id,
        item_in_session,
        event_id,
        level_after as level
    from known_levels
    where previous_level is null or previous_level != level_after
)

select * from level_changes
