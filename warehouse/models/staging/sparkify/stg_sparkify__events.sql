-- One row per distinct event of a known user: typed, repaired, and without the personal names.
{#- Guests have no registration; neither has the pseudo-user that stands for all of them in the full log. -#}
{%- set is_known_user = is_new_line() ~ " and user_id != '' and registration is not null" -%}
{%- set repeated = few_repeated_keys(is_known_user) %}
with

events as (
    select * from {{ source('raw', 'events') }}
    where {{ is_known_user }}
),

events_before as (
    select event_id
    from ({{ earlier_rows({'event_id': 'string', 'event_date': 'date'}) }})
    where {{ is_touched('event_date', 'dates') }}
),

-- Few events come twice, and whole rows are dear to sort: 64 bits of each hash find those that may have.
repeated_keys as (
    {% if repeated is none %}
        select xxhash64(record_hash) as record_key
        from events
        group by xxhash64(record_hash)
        having count(*) > 1
    {% elif repeated %}
        select record_key from values ({{ repeated | join('L), (') }}L) as repeated (record_key)
    {% else %}
        select cast(null as bigint) as record_key
        where false
    {% endif %}
),

first_copies as (
    select
        events.record_hash,
        min(
            struct(events.ingested_at, events.source_file, events.line_number)
        ) as first_copy
    from events
    left semi join repeated_keys
        on xxhash64(events.record_hash) = repeated_keys.record_key
    group by events.record_hash
),

distinct_events as (
    select {{ '/*+ broadcast(first_copies) */' if repeated is not none }} events.*
    from events
    left join first_copies
        on events.record_hash = first_copies.record_hash
    left anti join events_before
        on events.record_hash = events_before.event_id
    where
        first_copies.first_copy is null
        or first_copies.first_copy
        = struct(events.ingested_at, events.source_file, events.line_number)
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
        {{ device_family('user_agent') }} as device_family,
        {{ browser('user_agent') }} as browser,
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
