-- One row per distinct event of a known user: typed, repaired, and without the personal names.
with

events as (
    select * from {{ source('raw', 'events') }}
),

known_user_events as (
    select
        *,
        trim(both '"' from user_agent) as agent,
        row_number() over (
            partition by record_hash order by ingested_at, source_file, line_number
        ) as copy_number
    from events
    where
        user_id != ''
        -- Guests have no registration; neither has the pseudo-user that stands for all of them in the full log.
        and registration is not null
),

distinct_events as (
    select * from known_user_events
    where copy_number = 1
),

cleaned as (
    select
        record_hash as event_id,
        user_id,
        session_id,
        page,
        auth,
        method,
        level,
        gender,
        {{ repair_text('artist') }} as artist,
        {{ repair_text('song') }} as song,
        {{ device_family('agent') }} as device_family,
        {{ browser('agent') }} as browser,
        substring_index(location, ', ', 1) as metro,
        substring_index(substring_index(location, ', ', -1), '-', 1) as state,
        item_in_session,
        status as http_status,
        length as song_length_seconds,
        cast(timestamp_millis(ts) as date) as event_date,
        timestamp_millis(ts) as occurred_at,
        timestamp_millis(registration) as registered_at,
        ingested_at
    from distinct_events
)

select * from cleaned
