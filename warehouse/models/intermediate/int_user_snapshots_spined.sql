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
observed_dates as (
    select
        explode(
            sequence(date_add(cast(observed_from as date), 1), date_add(cast(observed_until as date), 1))
        ) as as_of_date
    from observation_window
),

-- A date that was asked for once stays.
dates_built_before as (
    {{ dates_built_before() }}
),

snapshot_dates as (
    select as_of_date from observed_dates
    where {{ is_chosen_snapshot('as_of_date') }}
    union distinct
    select observed_dates.as_of_date from observed_dates
    inner join dates_built_before
        on observed_dates.as_of_date = dates_built_before.as_of_date
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
