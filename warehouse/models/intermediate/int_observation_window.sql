-- One row: from when to when the log is observed. The end is read from the data, never from the clock.
with

user_days as (
    select
        *,
        least(first_event_at, cancelled_at) as first_moment,
        greatest(last_event_at, cancelled_at) as last_moment
    from {{ ref('int_user_days') }}
),

dates as (
    select
        event_date,
        sum(event_count) as event_count,
        min(first_moment) as first_event_at,
        max(last_moment) as last_event_at
    from user_days
    group by event_date
),

typical_date as (
    select median(event_count) as event_count from dates
),

-- A few stray rows after the log's real end must not extend it: only a date with a fair share of events can close it.
observation_window as (
    select
        min(dates.first_event_at) as observed_from,
        max(
            case
                when dates.event_count >= typical_date.event_count * {{ var('closing_date_min_share') }}
                    then dates.last_event_at
            end
        ) as observed_until
    from dates
    cross join typical_date
)

select * from observation_window
