-- One row per user and snapshot date: on which weekdays and at which hours of the last 28 days the user was there.
{%- set first_hours = {'night': 0, 'morning': 6, 'afternoon': 12, 'evening': 18} %}
with

spine as (
    select * from {{ ref('int_user_snapshots_spined') }}
),

user_days as (
    select * from {{ ref('int_user_days') }}
),

past_days as (
    {{ past_days('spine', 'user_days') }}
),

summed as (
    select
        user_id,
        as_of_date,
        {{ sum_within_days('event_count', 'day', -28, 0) }} as event_count,
        array(
            {% for weekday in range(7) %}
                {{ sum_within_days('if(weekday(event_date) = ' ~ weekday ~ ', event_count, 0)', 'day', -28, 0) }}
                {{- ',' if not loop.last }}
            {% endfor %}
        ) as event_counts_by_weekday,
        array(
            {% for hour in range(24) %}
                {{ sum_within_days('event_counts_by_hour[' ~ hour ~ ']', 'day', -28, 0) }}{{ ',' if not loop.last }}
            {% endfor %}
        ) as event_counts_by_hour
    from past_days
    group by user_id, as_of_date
),

features as (
    select
        user_id,
        as_of_date,
        -- `slice` counts from 1: Saturday is the 6th of the weekdays, midnight the 1st of the hours.
        {{ ratio(array_sum('slice(event_counts_by_weekday, 6, 2)'), 'event_count') }} as weekend_share_28d,
        {% for part, first_hour in first_hours.items() %}
            {{ ratio(array_sum('slice(event_counts_by_hour, ' ~ (first_hour + 1) ~ ', 6)'), 'event_count') }}
                as {{ part }}_share_28d,
        {% endfor %}
        {{ entropy('event_counts_by_hour') }} as hour_entropy_28d,
        {{ entropy('event_counts_by_weekday') }} as weekday_entropy_28d
    from summed
)

select * from features
