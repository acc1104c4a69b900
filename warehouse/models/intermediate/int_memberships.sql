-- One row per user and membership: from the first event, or the first session after a cancellation, until the next one.
with

session_days as (
    select * from {{ ref('int_session_days') }}
),

starts as (
    select
        user_id,
        min(first_event_at) as moment,
        false as is_cancellation
    from session_days
    group by user_id, session_id
),

-- What follows a cancellation in a session that had begun before it is no return.
moments as (
    select * from starts
    where moment is not null
    union all
    select
        user_id,
        cancelled_at as moment,
        true as is_cancellation
    from session_days
    where cancelled_at is not null
),

compared as (
    select
        *,
        coalesce(
            lag(is_cancellation) over (partition by user_id order by moment, is_cancellation),
            true
        ) as is_after_cancellation
    from moments
),

-- Starts and cancellations take turns: further sessions of a member, and cancellations of nobody, are left out.
turns as (
    select
        *,
        lead(moment) over (partition by user_id order by moment, is_cancellation) as next_moment,
        lead(moment, 2) over (partition by user_id order by moment, is_cancellation) as second_next_moment
    from compared
    where is_cancellation != is_after_cancellation
),

memberships as (
    select
        user_id,
        moment as started_at,
        next_moment as cancelled_at,
        second_next_moment as returned_at,
        row_number() over (partition by user_id order by moment) as membership_number
    from turns
    where not is_cancellation
)

select * from memberships
