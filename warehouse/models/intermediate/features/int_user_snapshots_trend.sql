-- One row per user and snapshot date: how what the user does changes, the last week or two against the time before.
{%- set changed = ['song_count', 'session_count', 'active_day_count'] -%}
{%- set sloping = ['song_count', 'session_count'] -%}
{%- set gaining = ['advert_count', 'thumbs_down_count'] %}
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
        {% for measure in changed + gaining %}
            {% for days in [7, 14, 28] %}
                {{ sum_within_days(measure, 'day', -days, 0) }} as {{ measure }}_{{ days }}d,
            {% endfor %}
        {% endfor %}
        {% for measure in sloping %}
            {{ sum_within_days('(2 * day + 29) * ' ~ measure, 'day', -28, 0) }} as {{ measure }}_lever,
        {% endfor %}
        {{ days_between('min(first_event_at)', 'as_of_date') }} as days_since_first_event
    from past_days
    group by user_id, as_of_date
),

features as (
    select
        user_id,
        as_of_date,
        {% for measure in changed %}
            {{ change(measure ~ '_7d', measure ~ '_14d', 14) }} as {{ measure | replace('_count', '_change') }}_7d,
            {{ change(measure ~ '_14d', measure ~ '_28d', 28) }} as {{ measure | replace('_count', '_change') }}_14d,
        {% endfor %}
        -- 2 * day + 29 is twice the distance from the middle of the 28 days, whose squares add up to 4 * 1827.
        {% for measure in sloping %}
            case when days_since_first_event >= 28 then {{ measure }}_lever / (2 * 1827) end
                as {{ measure | replace('_count', '_slope') }}_28d,
        {% endfor %}
        {% for measure in gaining %}
            case when days_since_first_event >= 14 then (2 * {{ measure }}_7d - {{ measure }}_14d) / 7 end
                as {{ measure | replace('_count', '_velocity') }}_7d,
        {% endfor %}
        {{ ratio('song_count_7d', 'song_count_28d') }} as song_share_of_28d_in_7d
    from summed
)

select * from features
