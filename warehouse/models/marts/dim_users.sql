-- One row per user with an event on a known page: who they are, and how they stand at the end of the log.
with

events as (
    select * from {{ ref('stg_sparkify__events') }}
    where {{ is_known_page('page') }}
),

latest_memberships as (
    select * from {{ ref('int_memberships') }}
    where returned_at is null
),

open_spells as (
    select * from {{ ref('int_subscription_spells') }}
    where ended_at is null
),

-- The profile is that of the first event: a later event can never change what an earlier snapshot knew.
users as (
    select
        user_id,
        min_by(
            struct(gender, device_family, browser, metro, state, registered_at),
            struct(occurred_at, session_id, item_in_session, event_id)
        ) as profile,
        min(occurred_at) as first_event_at,
        max(occurred_at) as last_event_at,
        min(case when page = 'Cancellation Confirmation' then occurred_at end) as first_cancelled_at
    from events
    group by user_id
),

final as (
    select
        users.user_id,
        users.profile.gender,
        users.profile.device_family,
        users.profile.browser,
        users.profile.metro,
        users.profile.state,
        open_spells.level,
        users.profile.registered_at,
        users.first_event_at,
        users.last_event_at,
        case
            when latest_memberships.user_id is null then users.first_cancelled_at
            else latest_memberships.cancelled_at
        end as cancelled_at,
        latest_memberships.cancelled_at is not null
        or (latest_memberships.user_id is null and users.first_cancelled_at is not null) as is_churned
    from users
    left join latest_memberships
        on users.user_id = latest_memberships.user_id
    left join open_spells
        on users.user_id = open_spells.user_id
)

select * from final
