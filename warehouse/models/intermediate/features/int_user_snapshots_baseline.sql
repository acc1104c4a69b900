-- One row per user and snapshot date: how unusual the last week was, beside all own days.
with

windows as (
    select * from {{ ref('int_user_windows') }}
),

counted as (
    select
        *,
        {{ days_between('first_event_at', 'as_of_date') }} as days_since_first_event,
        datediff(as_of_date, first_event_at) as day_count
    from windows
),

features as (
    select
        {% for name, measure in baseline_measures().items() %}
            case
                when days_since_first_event >= 14
                    then
                        {{ deviation(
                            measure ~ '_7d', measure ~ '_lifetime', measure ~ '_squares_lifetime', 'day_count'
                        ) }}
            end as {{ name }}_deviation_7d,
        {% endfor %}
        user_id,
        as_of_date
    from counted
)

select * from features
