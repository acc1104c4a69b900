-- One row per date, column of the events and value: what each column of the log held on a day. One pass: the few
-- groups of the columns with few values are counted first, and only these groups take a row for each column.
{% set with_values = ['page', 'auth', 'method', 'level', 'gender', 'http_status'] %}
{% set with_many_values = [
    'user_id',
    'session_id',
    'artist',
    'song',
    'device_family',
    'browser',
    'metro',
    'state',
    'item_in_session',
    'song_length_seconds',
    'occurred_at',
    'registered_at',
] %}
with

events as (
    select * from {{ ref('stg_sparkify__events') }}
),

event_groups as (
    select
        event_date,
        {{ with_values | join(', ') }},
        {% for column in with_many_values %}
            count({{ column }}) as {{ column }}_count,
        {% endfor %}
        count(*) as event_count
    from events
    group by event_date, {{ with_values | join(', ') }}
),

cells as (
    select
        event_date,
        stack(
            {{ with_values | length + 2 * with_many_values | length }},
            {% for column in with_values %}
                '{{ column }}', cast({{ column }} as string), event_count,
            {% endfor %}
            {% for column in with_many_values %}
                '{{ column }}', '(any)', {{ column }}_count,
                '{{ column }}', null, event_count - {{ column }}_count{{ ',' if not loop.last }}
            {% endfor %}
        ) as (column_name, value, event_count)
    from event_groups
),

event_values as (
    select
        event_date,
        column_name,
        value,
        sum(event_count) as event_count
    from cells
    where event_count > 0
    group by event_date, column_name, value
)

select * from event_values
