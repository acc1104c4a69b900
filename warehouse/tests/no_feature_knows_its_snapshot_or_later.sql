-- The last event that a snapshot's features know lies before the snapshot, and nobody is snapshotted after cancelling.
with

features as (
    select * from {{ ref('fct_user_features') }}
),

users as (
    select * from {{ ref('dim_users') }}
),

late as (
    select
        features.user_id,
        features.as_of_date,
        features.last_event_at,
        users.cancelled_at
    from features
    left join users
        on features.user_id = users.user_id
    where
        features.last_event_at is null
        or features.last_event_at >= features.as_of_date
        or users.cancelled_at < features.as_of_date
)

select * from late
