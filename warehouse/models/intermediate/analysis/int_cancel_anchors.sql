-- One row per cancellation and anchor: the moment of the cancellation, and the end of the session it is matched with.
{%- set horizon = var('horizon_days') | int %}
with

session_days as (
    select * from {{ ref('int_session_days') }}
),

memberships as (
    select * from {{ ref('int_memberships') }}
),

spells as (
    select * from {{ ref('int_subscription_spells') }}
),

sessions as (
    select
        user_id,
        session_id,
        max(last_event_at) as ended_at,
        min(cancelled_at) as cancelled_at
    from session_days
    group by user_id, session_id
),

-- A session stands for its cancellation, else for its end if the member stays for a horizon, as far as the log shows.
moments as (
    select
        sessions.user_id,
        sessions.session_id,
        sessions.cancelled_at is not null as is_cancellation,
        coalesce(sessions.cancelled_at, sessions.ended_at) as anchored_at
    from sessions
    inner join memberships
        on
            sessions.user_id = memberships.user_id
            and coalesce(sessions.cancelled_at, sessions.ended_at) >= memberships.started_at
            and (
                sessions.cancelled_at = memberships.cancelled_at
                or sessions.cancelled_at is null
                and coalesce(memberships.cancelled_at >= sessions.ended_at + interval '{{ horizon }}' day, true)
            )
),

matched as (
    select
        moments.user_id,
        moments.is_cancellation,
        moments.anchored_at,
        last(case when not moments.is_cancellation then moments.user_id end, true) over so_far as matched_user_id,
        last(case when not moments.is_cancellation then moments.anchored_at end, true) over so_far as matched_at
    from moments
    inner join spells
        on
            moments.user_id = spells.user_id
            and moments.anchored_at >= spells.started_at
            and (
                spells.ended_at is null
                or moments.anchored_at < spells.ended_at
                -- The cancellation of a user who comes back ends the spell that it is made on.
                or moments.is_cancellation and moments.anchored_at = spells.ended_at
            )
    window so_far as (
        partition by spells.level
        order by moments.anchored_at, moments.is_cancellation, moments.user_id, moments.session_id
    )
),

-- Less than a horizon apart: so nobody is matched with an earlier session of their own.
anchors as (
    select
        user_id as cancelled_user_id,
        stack(2, 'cancelled', user_id, anchored_at, 'matched', matched_user_id, matched_at)
            as (anchor_group, user_id, anchored_at)
    from matched
    where
        is_cancellation
        and matched_at > anchored_at - interval '{{ horizon }}' day
)

select * from anchors
