-- One row per stretch of the log: from when to when it is observed. Both are read from the data, never from the clock.
{%- set interval = var('snapshot_interval_days') | int -%}
{%- set days_past_grid = "cast(pmod(datediff(observed_until, date'2018-01-01'), " ~ interval ~ ') as int)' %}
with

user_days as (
    select
        *,
        least(first_event_at, cancelled_at) as first_moment,
        greatest(last_event_at, cancelled_at) as last_moment
    from {{ ref('int_user_days') }}
),

files as (
    select * from {{ ref('stg_sparkify__files') }}
),

dates as (
    select
        event_date,
        sum(event_count) as event_count,
        min(first_moment) as first_event_at,
        max(last_moment) as last_event_at,
        date_add(event_date, 1) as next_date,
        unix_timestamp(date_add(event_date, 1)) - unix_timestamp(max(last_moment)) as silent_seconds
    from user_days
    group by event_date
),

gaps as (
    select
        *,
        datediff(event_date, lag(event_date) over (order by event_date)) > {{ var('stretch_gap_days') }} as is_first
    from dates
),

-- A stray early event is a stretch of its own. Where one begins is known from what came before, so it never changes.
stretches as (
    select
        *,
        count_if(is_first) over (order by event_date) as stretch_number
    from gaps
),

whole_stretches as (
    select
        stretch_number,
        median(event_count) as typical_event_count,
        min(first_event_at) as observed_from,
        stretch_number = max(stretch_number) over () as is_last
    from stretches
    group by stretch_number
),

-- A few stray rows after the real end must not extend it: only a date with a fair share of events can close a stretch.
ordered as (
    select
        stretches.*,
        whole_stretches.observed_from,
        whole_stretches.is_last,
        row_number() over (partition by stretches.stretch_number order by stretches.event_date desc) as place,
        max(stretches.silent_seconds) over (
            partition by stretches.stretch_number
            order by stretches.event_date
            rows between unbounded preceding and 1 preceding
        ) as longest_silence
    from stretches
    inner join whole_stretches
        on stretches.stretch_number = whole_stretches.stretch_number
    where stretches.event_count >= whole_stretches.typical_event_count * {{ var('closing_date_min_share') }}
),

closing_dates as (
    select * from ordered
    where place = 1
),

first_deliveries as (
    select min(first_event_date) as event_date from files
),

-- Whoever delivers date by date delivers whole dates, once they are over.
delivered_dates as (
    select files.last_event_date as event_date
    from files
    cross join first_deliveries
    group by files.last_event_date
    having
        every(files.first_event_date = files.last_event_date)
        and every(files.ingested_at >= date_add(files.last_event_date, 1))
        and min(first_deliveries.event_date) < files.last_event_date
),

-- Where the closing date is whole, the observation ends with it, at midnight; else with its last event.
closed as (
    select
        closing_dates.stretch_number,
        closing_dates.observed_from,
        case
            when delivered_dates.event_date is not null or closing_dates.silent_seconds <= closing_dates.longest_silence
                then cast(closing_dates.next_date as timestamp)
            else closing_dates.last_event_at
        end as ended_at,
        {% if var('observed_through') %}
            case when closing_dates.is_last then timestamp'{{ var("observed_through") }}' end as known_until
        {% else %}
            cast(null as timestamp) as known_until
        {% endif %}
    from closing_dates
    left join delivered_dates
        on closing_dates.event_date = delivered_dates.event_date
),

observation_window as (
    select
        stretch_number,
        observed_from,
        greatest(ended_at, known_until) as observed_until,
        date_add(cast(observed_until as date), {{ interval }} - {{ days_past_grid }}) as next_snapshot_date
    from closed
)

select * from observation_window
