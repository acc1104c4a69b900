-- One row per user and snapshot date: users with an event before the snapshot who had not cancelled by then.
with

observation_window as (
    select * from {{ ref('int_observation_window') }}
),

user_days as (
    select * from {{ ref('int_user_days') }}
),

users as (
    select
        user_id,
        min(first_event_at) as first_event_at,
        min(cancelled_at) as cancelled_at
    from user_days
    group by user_id
),

-- The last snapshot may stand at the end of the last observed date: all that its features need is there.
snapshot_dates as (
    select
        explode(
            sequence(
                cast(date_trunc('week', observed_from) as date),
                date_add(cast(observed_until as date), 1),
                interval '{{ var("snapshot_interval_days") }}' day
            )
        ) as as_of_date
    from observation_window
),

snapshots as (
    select
        as_of_date,
        cast(as_of_date as timestamp) as as_of
    from snapshot_dates
),

spined as (
    select
        users.user_id,
        snapshots.as_of_date,
        snapshots.as_of
    from users
    inner join snapshots
        on
            users.first_event_at < snapshots.as_of
            and (users.cancelled_at is null or users.cancelled_at >= snapshots.as_of)
)

select * from spined
