-- One row per file of the log: the dates that it spans, and when it came.
with

events as (
    select
        source_file,
        ingested_at,
        cast(timestamp_millis(ts) as date) as event_date
    from {{ source('raw', 'events') }}
),

files as (
    select
        source_file,
        min(event_date) as first_event_date,
        max(event_date) as last_event_date,
        max(ingested_at) as ingested_at
    from events
    group by source_file
)

select * from files
