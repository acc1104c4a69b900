-- One row per user with an event on a known page: who they are, and how they stand at the end of the log.
with

users as (
    select * from {{ ref('int_user_profiles') }}
),

latest_memberships as (
    select * from {{ ref('int_memberships') }}
    where returned_at is null
),

open_spells as (
    select * from {{ ref('int_subscription_spells') }}
    where ended_at is null
),

final as (
    select
        users.user_id,
        users.gender,
        users.device_family,
        users.browser,
        users.metro,
        users.state,
        open_spells.level,
        users.registered_at,
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
