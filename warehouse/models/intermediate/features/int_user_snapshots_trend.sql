-- One row per user and snapshot date: the last week or two against the time before.
with

windows as (
    select * from {{ ref('int_user_windows') }}
),

timed as (
    select
        *,
        {{ days_between('first_event_at', 'as_of_date') }} as days_since_first_event
    from windows
),

features as (
    select
        user_id,
        as_of_date,
        {% for measure in ['song_count', 'session_count', 'active_day_count'] %}
            {{ change(measure ~ '_7d', measure ~ '_14d', 14) }} as {{ measure | replace('_count', '_change') }}_7d,
            {{ change(measure ~ '_14d', measure ~ '_28d', 28) }} as {{ measure | replace('_count', '_change') }}_14d,
        {% endfor %}
        -- 2 * day + 29 is twice the distance from the middle of the 28 days, whose squares add up to 4 * 1827; here
        -- each day is counted from a fixed date.
        {% for measure in sloping_measures() %}
            case
                when days_since_first_event >= 28
                    then
                        (
                            2 * {{ measure }}_moment_28d
                            - (2 * {{ day_number('as_of_date') }} - 29) * {{ measure }}_28d
                        ) / (2 * 1827)
            end as {{ measure | replace('_count', '_slope') }}_28d,
        {% endfor %}
        {% for measure in ['advert_count', 'thumbs_down_count'] %}
            case when days_since_first_event >= 14 then (2 * {{ measure }}_7d - {{ measure }}_14d) / 7 end
                as {{ measure | replace('_count', '_velocity') }}_7d,
        {% endfor %}
        {{ ratio('song_count_7d', 'song_count_28d') }} as song_share_of_28d_in_7d
    from timed
)

select * from features
