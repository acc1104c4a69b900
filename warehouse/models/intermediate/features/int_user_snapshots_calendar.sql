-- One row per user and snapshot date: on which weekdays and at which hours of the last 28 days the user was there.
{%- set first_hours = {'night': 0, 'morning': 6, 'afternoon': 12, 'evening': 18} %}
with

windows as (
    select * from {{ ref('int_user_windows') }}
),

features as (
    select
        user_id,
        as_of_date,
        -- `slice` counts from 1: Saturday is the 6th of the weekdays, midnight the 1st of the hours.
        {{ ratio(array_sum('slice(event_counts_by_weekday_28d, 6, 2)'), 'event_count_28d') }} as weekend_share_28d,
        {% for part, first_hour in first_hours.items() %}
            {{ ratio(array_sum('slice(event_counts_by_hour_28d, ' ~ (first_hour + 1) ~ ', 6)'), 'event_count_28d') }}
                as {{ part }}_share_28d,
        {% endfor %}
        {{ entropy('event_counts_by_hour_28d') }} as hour_entropy_28d,
        {{ entropy('event_counts_by_weekday_28d') }} as weekday_entropy_28d
    from windows
)

select * from features
