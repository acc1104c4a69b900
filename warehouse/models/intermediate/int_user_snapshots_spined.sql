-- One row per user and snapshot date: the members at the snapshot, who have come before it and not cancelled since.
with

observation_window as (
    select * from {{ ref('int_observation_window') }}
),

memberships as (
    select * from {{ ref('int_memberships') }}
),

-- The last snapshot may stand at the very end of the observation: all that its features need is there.
observed_dates as (
    select
        explode(
            sequence(date_add(cast(observed_from as date), 1), cast(observed_until as date))
        ) as as_of_date
    from observation_window
    where cast(observed_until as date) > cast(observed_from as date)
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
        memberships.user_id,
        snapshots.as_of_date,
        snapshots.as_of
    from memberships
    inner join snapshots
        on
            memberships.started_at < snapshots.as_of
            and (memberships.cancelled_at is null or memberships.cancelled_at >= snapshots.as_of)
)

select * from spined
