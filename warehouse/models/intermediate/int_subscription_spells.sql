-- One row per unbroken period of a member on one level, half-open: [started_at, ended_at).
with

events as (
    select
        *,
        {{ level_after('page', 'level') }} as level_after
    from {{ ref('stg_sparkify__events') }}
    where {{ is_known_page('page') }}
),

memberships as (
    select * from {{ ref('int_memberships') }}
),

-- A row that shows no level changes none: the last known one stays in force. Before the first known one there is none.
known_levels as (
    select
        user_id,
        level_after as level,
        occurred_at,
        lag(level_after) over (
            partition by user_id order by occurred_at, session_id, item_in_session, event_id
        ) as previous_level,
        row_number() over (
            partition by user_id order by occurred_at, session_id, item_in_session, event_id
        ) as event_number
    from events
    where level_after is not null
),

changes as (
    select * from known_levels
    where previous_level is null or previous_level != level
),

levels as (
    select
        user_id,
        level,
        event_number,
        occurred_at as started_at,
        lead(occurred_at) over (partition by user_id order by event_number) as ended_at
    from changes
),

-- An open spell has no end: neither the user's last event nor a cancellation is the end of anything, unless the user
-- comes back. Then the time between is spent on no level.
member_levels as (
    select
        levels.user_id,
        levels.level,
        levels.event_number,
        memberships.membership_number,
        greatest(levels.started_at, memberships.started_at) as started_at,
        case
            when memberships.returned_at is null then levels.ended_at
            else least(levels.ended_at, memberships.cancelled_at)
        end as ended_at
    from levels
    inner join memberships
        on
            levels.user_id = memberships.user_id
            and (
                levels.started_at >= memberships.started_at
                or coalesce(levels.ended_at > memberships.started_at, true)
            )
            and (memberships.returned_at is null or levels.started_at <= memberships.cancelled_at)
),

spells as (
    select
        user_id,
        level,
        started_at,
        ended_at,
        row_number() over (partition by user_id order by membership_number, event_number) as spell_number
    from member_levels
)

select * from spells
