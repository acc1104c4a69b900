-- One row: from when to when the log is observed. The end is read from the data, never from the clock.
with

events as (
    select * from {{ ref('stg_sparkify__events') }}
),

dates as (
    select
        event_date,
        count(*) as event_count,
        min(occurred_at) as first_event_at,
        max(occurred_at) as last_event_at
    from events
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
