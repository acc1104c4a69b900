-- One row per user and snapshot date: when the user comes, how that changes, and how unusual the last week was.
{%- set baselines = {
    'event': 'event_count',
    'song': 'song_count',
    'session': 'session_count',
    'session_time': 'session_seconds',
    'thumbs_up': 'thumbs_up_count',
    'thumbs_down': 'thumbs_down_count',
    'advert': 'advert_count',
    'playlist_add': 'playlist_add_count',
    'friend_add': 'friend_add_count',
    'home': 'home_count',
    'downgrade_page': 'downgrade_page_count',
    'error': 'error_count',
} -%}
{%- set compared = ['song_count', 'session_count', 'active_day_count', 'advert_count', 'thumbs_down_count'] -%}
{%- set parts_of_day = {'night': [0, 6], 'morning': [6, 12], 'afternoon': [12, 18], 'evening': [18, 24]} -%}
{%- set hours, weekdays = [], [] -%}
{%- for hour in range(24) %}{% do hours.append('event_count_hour_' ~ hour) %}{% endfor -%}
{%- for weekday in range(7) %}{% do weekdays.append('event_count_weekday_' ~ weekday) %}{% endfor %}
with

spine as (
    select * from {{ ref('int_user_snapshots_spined') }}
),

user_days as (
    select
        *,
        cast(event_count > 0 as bigint) as active_day_count,
        {% for weekday in weekdays %}
            case weekday(event_date) when {{ loop.index0 }} then event_count else 0 end as {{ weekday }},
        {% endfor %}
        case when weekday(event_date) >= 5 then event_count else 0 end as weekend_event_count
    from {{ ref('int_user_days') }}
),

-- Day -1 is the date before the snapshot; day 0, its own date, is the first that the features must not see.
past_days as (
    select
        user_days.*,
        spine.as_of_date,
        spine.as_of,
        datediff(user_days.event_date, spine.as_of_date) as day
    from spine
    inner join user_days
        on
            spine.user_id = user_days.user_id
            and spine.as_of_date > user_days.event_date
),

summed as (
    select
        user_id,
        as_of_date,
        as_of,
        {{ days_between('min(first_event_at)', 'as_of') }} as days_since_first_event,
        datediff(as_of_date, min(first_event_at)) as day_count,
        {% for measure in compared %}
            {% for days in [7, 14, 28] %}
                {{ sum_within_days(measure, 'day', -days, 0) }} as {{ measure }}_{{ days }}d,
            {% endfor %}
        {% endfor %}
        {% for name, measure in baselines.items() %}
            {{ sum_within_days(measure, 'day', -7, 0) }} as {{ name }}_recent,
            sum({{ measure }}) as {{ name }}_total,
            sum({{ measure }} * {{ measure }}) as {{ name }}_squares,
        {% endfor %}
        {% for measure in ['song_count', 'advert_count', 'thumbs_down_count'] %}
            cast(sum(cast({{ measure }} * pow(0.5, -day / 7) as decimal(18, 9))) as double) as {{ measure }}_decayed,
        {% endfor %}
        {% for measure in ['song_count', 'session_count'] %}
            {{ sum_within_days('(2 * day + 29) * ' ~ measure, 'day', -28, 0) }} as {{ measure }}_lever,
        {% endfor %}
        {% for measure in hours + weekdays + ['event_count', 'weekend_event_count'] %}
            {{ sum_within_days(measure, 'day', -28, 0) }} as {{ measure }},
        {% endfor %}
        {% for name in recency_pages() %}
            max(last_{{ name }}_at) as last_{{ name }}_at,
        {% endfor %}
        max(last_event_at) as last_event_at
    from past_days
    group by user_id, as_of_date, as_of
),

features as (
    select
        user_id,
        as_of_date,
        days_since_first_event,
        {{ days_between('last_event_at', 'as_of') }} as days_since_last_event,
        {% for name in recency_pages() %}
            {{ days_between('last_' ~ name ~ '_at', 'as_of') }} as days_since_last_{{ name }},
        {% endfor %}
        {{ ratio('weekend_event_count', 'event_count') }} as weekend_share_28d,
        {% for part, span in parts_of_day.items() %}
            {{ ratio('(' ~ hours[span[0]:span[1]] | join(' + ') ~ ')', 'event_count') }} as {{ part }}_share_28d,
        {% endfor %}
        {{ entropy(hours) }} as hour_entropy_28d,
        {{ entropy(weekdays) }} as weekday_entropy_28d,
        {% for measure in ['song_count', 'session_count', 'active_day_count'] %}
            {{ change(measure ~ '_7d', measure ~ '_14d', 14) }} as {{ measure | replace('_count', '_change') }}_7d,
            {{ change(measure ~ '_14d', measure ~ '_28d', 28) }} as {{ measure | replace('_count', '_change') }}_14d,
        {% endfor %}
        -- 2 * day + 29 is twice the distance from the middle of the 28 days, whose squares add up to 4 * 1827.
        {% for measure in ['song_count', 'session_count'] %}
            case when days_since_first_event >= 28 then {{ measure }}_lever / (2 * 1827) end
                as {{ measure | replace('_count', '_slope') }}_28d,
        {% endfor %}
        {% for measure in ['advert_count', 'thumbs_down_count'] %}
            case when days_since_first_event >= 14 then (2 * {{ measure }}_7d - {{ measure }}_14d) / 7 end
                as {{ measure | replace('_count', '_velocity') }}_7d,
        {% endfor %}
        {% for name in baselines %}
            case
                when days_since_first_event >= 14
                    then {{ deviation(name ~ '_recent', name ~ '_total', name ~ '_squares', 'day_count') }}
            end as {{ name }}_deviation_7d,
        {% endfor %}
        song_count_decayed,
        advert_count_decayed,
        thumbs_down_count_decayed
    from summed
)

select * from features
