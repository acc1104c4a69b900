-- The last event that a snapshot's features know lies before the snapshot, and nobody has snapshots but as a member.
with

features as (
    select * from {{ ref('fct_user_features') }}
),

memberships as (
    select * from {{ ref('int_memberships') }}
),

late as (
    select
        features.user_id,
        features.as_of_date,
        features.last_event_at,
        memberships.membership_number
    from features
    left join memberships
        on
            features.user_id = memberships.user_id
            and features.as_of_date > memberships.started_at
            and (memberships.cancelled_at is null or features.as_of_date <= memberships.cancelled_at)
    where
        features.last_event_at is null
        or features.last_event_at >= features.as_of_date
        or memberships.membership_number is null
)

select * from late
