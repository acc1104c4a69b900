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

-- A row that shows no level changes none: the last known one stays in force.
levelled as (
    select * from events
    where level_after is not null
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

-- On a date that shows one level, the one of the date before it, nothing changes: of those dates a count will do.
dates as (
    select
        user_id,
        event_date,
        case
            when count_if(level_after = 'free') = 0 then 'paid'
            when count_if(level_after = 'paid') = 0 then 'free'
        end as only_level
    from levelled
    group by user_id, event_date
),

compared_dates as (
    select
        *,
        lag(only_level) over (partition by user_id order by event_date) as level_before
    from dates
),

changing_dates as (
    select
        user_id,
        event_date
    from compared_dates
    where only_level is null or level_before is null or only_level != level_before
),

known_levels as (
    select /*+ broadcast(changing_dates) */
        levelled.*,
        coalesce(
            lag(levelled.level_after) over (
                partition by levelled.user_id
                order by levelled.occurred_at, levelled.session_id, levelled.item_in_session, levelled.event_id
            ),
            levels_before.level
        ) as previous_level
    from levelled
    left semi join changing_dates
        on
            levelled.user_id = changing_dates.user_id
            and levelled.event_date = changing_dates.event_date
    left join levels_before
        on levelled.user_id = levels_before.user_id
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
