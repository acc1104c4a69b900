-- One row per observed date: how much the service was used, and who came, changed level and left.
with

observation_window as (
    select * from {{ ref('int_observation_window') }}
),

user_days as (
    select
        *,
        case when event_count > 0 then user_id end as active_user_id,
        min(case when event_count > 0 then event_date end) over (partition by user_id) as first_event_date
    from {{ ref('int_user_days') }}
),

calendar as (
    select
        explode(
            sequence(cast(observed_from as date), cast(observed_until - interval '1' microsecond as date))
        ) as event_date
    from observation_window
),

-- Each date with the days of its trailing week: day 0 is the date itself.
recent_days as (
    select
        user_days.*,
        calendar.event_date as service_date,
        coalesce(user_days.event_date = user_days.first_event_date, false) as is_new,
        user_days.cancelled_at is not null as is_cancelled,
        datediff(user_days.event_date, calendar.event_date) as day
    from calendar
    left join user_days
        on user_days.event_date between date_sub(calendar.event_date, 6) and calendar.event_date
),

service_days as (
    select
        service_date as event_date,
        count(distinct case when day = 0 then active_user_id end) as active_user_count,
        count(distinct active_user_id) as active_user_count_7d,
        {{ sum_within_days('int(is_new)', 'day', 0, 1) }} as new_user_count,
        {% for measure in [
            'session_count',
            'song_count',
            'advert_count',
            'thumbs_up_count',
            'thumbs_down_count',
            'error_count',
            'upgrade_count',
            'downgrade_count',
        ] %}
            {{ sum_within_days(measure, 'day', 0, 1) }} as {{ measure }},
        {% endfor %}
        {{ sum_within_days('int(is_cancelled)', 'day', 0, 1) }} as cancellation_count,
        cast({{ sum_within_days('listening_seconds', 'day', 0, 1) }} as double) / 3600 as listening_hours
    from recent_days
    group by service_date
)

select * from service_days
