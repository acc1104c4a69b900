-- One row per user and snapshot date: how unusual the last week was, beside all of the user's own days.
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
} %}
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
        {% for name, measure in baselines.items() %}
            {{ sum_within_days(measure, 'day', -7, 0) }} as {{ name }}_recent,
            sum({{ measure }}) as {{ name }}_total,
            sum({{ measure }} * {{ measure }}) as {{ name }}_squares,
        {% endfor %}
        datediff(as_of_date, min(first_event_at)) as day_count,
        {{ days_between('min(first_event_at)', 'as_of_date') }} as days_since_first_event
    from past_days
    group by user_id, as_of_date
),

features as (
    select
        {% for name in baselines %}
            case
                when days_since_first_event >= 14
                    then {{ deviation(name ~ '_recent', name ~ '_total', name ~ '_squares', 'day_count') }}
            end as {{ name }}_deviation_7d,
        {% endfor %}
        user_id,
        as_of_date
    from summed
)

select * from features
