-- One row per user and snapshot date: what the user did from the snapshot on. Unknown yet means null (censored).
{%- set horizon = var('horizon_days') | int %}
with

spine as (
    select * from {{ ref('int_user_snapshots_spined') }}
),

user_days as (
    select * from {{ ref('int_user_days') }}
),

observation_window as (
    select * from {{ ref('int_observation_window') }}
),

-- Day 0 is the date of the snapshot, the first that the labels see.
coming_days as (
    select
        spine.user_id,
        spine.as_of_date,
        user_days.cancelled_at,
        user_days.first_downgraded_at,
        user_days.first_upgraded_at,
        datediff(user_days.event_date, spine.as_of_date) as day
    from spine
    left join user_days
        on
            spine.user_id = user_days.user_id
            and spine.as_of_date <= user_days.event_date
            and date_add(spine.as_of_date, {{ 2 * horizon }}) > user_days.event_date
),

outcomes as (
    select
        user_id,
        as_of_date,
        min(case when {{ within_days('day', 0, 2 * horizon) }} then cancelled_at end) as next_cancelled_at,
        {% for outcome in ['cancelled_at', 'first_downgraded_at', 'first_upgraded_at'] %}
            min(case when {{ within_days('day', 0, horizon) }} then {{ outcome }} end) as {{ outcome }},
        {% endfor %}
        {{ sum_within_days(1, 'day', 0, horizon) }} as active_day_count
    from coming_days
    group by user_id, as_of_date
),

observed as (
    select
        outcomes.*,
        outcomes.as_of_date + interval '{{ horizon }}' day <= observation_window.observed_until as is_observed,
        outcomes.as_of_date + interval '{{ 2 * horizon }}' day <= observation_window.observed_until as is_next_observed
    from outcomes
    left join observation_window
        on
            outcomes.as_of_date >= observation_window.observed_from
            and outcomes.as_of_date <= observation_window.observed_until
),

labels as (
    select
        user_id,
        as_of_date,
        {{ horizon }} as horizon_days,
        {{ seen_or_censored('cancelled_at is not null', 'is_observed') }} as churned_in_time_bin,
        {{ seen_or_censored('next_cancelled_at is not null and cancelled_at is null', 'is_next_observed') }}
            as will_churn_in_next_bin,
        {{ seen_or_censored('next_cancelled_at is not null', 'is_next_observed') }} as will_churn_soon,
        {{ seen_or_censored('first_downgraded_at is not null', 'is_observed') }} as will_downgrade,
        {{ seen_or_censored('first_upgraded_at is not null', 'is_observed') }} as will_upgrade,
        case when is_observed then active_day_count = 0 end as will_lapse,
        case least(cancelled_at, first_downgraded_at, first_upgraded_at)
            when cancelled_at then 'churn'
            when first_downgraded_at then 'downgrade'
            when first_upgraded_at then 'upgrade'
            else case when is_observed then if(active_day_count = 0, 'lapse', 'stay') end
        end as next_outcome
    from observed
)

select * from labels
