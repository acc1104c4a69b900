-- One row per unbroken period of a user on one level, half-open: [started_at, ended_at).
with

events as (
    select * from {{ ref('stg_sparkify__events') }}
    where not {{ is_cancel_flow('page') }}
),

-- The row that submits a change still shows the level it leaves; the change is in force from that moment on.
levels as (
    select
        user_id,
        occurred_at,
        session_id,
        item_in_session,
        case page when 'Submit Upgrade' then 'paid' when 'Submit Downgrade' then 'free' else level end as level
    from events
),

compared as (
    select
        *,
        lag(level) over (partition by user_id order by occurred_at, session_id, item_in_session) as previous_level
    from levels
),

changes as (
    select * from compared
    where previous_level is null or previous_level != level
),

-- An open spell has no end: the user's last event is not the end of anything.
spells as (
    select
        user_id,
        level,
        occurred_at as started_at,
        row_number() over (partition by user_id order by occurred_at, session_id, item_in_session) as spell_number,
        lead(occurred_at) over (partition by user_id order by occurred_at, session_id, item_in_session) as ended_at
    from changes
)

select * from spells
