-- One row per unbroken period of a member on one level, half-open: [started_at, ended_at).
with

memberships as (
    select * from {{ ref('int_memberships') }}
),

changes as (
    select
        *,
        row_number() over (
            partition by user_id order by occurred_at, session_id, item_in_session, event_id
        ) as change_number
    from {{ ref('int_level_changes') }}
),

levels as (
    select
        user_id,
        level,
        change_number,
        occurred_at as started_at,
        lead(occurred_at) over (partition by user_id order by change_number) as ended_at
    from changes
),

-- An open spell has no end: neither the user's last event nor a cancellation is the end of anything, unless the user
-- comes back. Then the time between is spent on no level.
member_levels as (
    select
        levels.user_id,
        levels.level,
        levels.change_number,
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
        row_number() over (partition by user_id order by membership_number, change_number) as spell_number
    from member_levels
)

select * from spells
