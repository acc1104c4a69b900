-- One row per user and snapshot date: who the user is, as the first event told, and for how long already.
with

spine as (
    select * from {{ ref('int_user_snapshots_spined') }}
),

users as (
    select * from {{ ref('dim_users') }}
),

observation_window as (
    select * from {{ ref('int_observation_window') }}
),

features as (
    select
        spine.user_id,
        spine.as_of_date,
        -- Some users have events from before their registration.
        greatest({{ days_between('users.registered_at', 'spine.as_of') }}, 0) as days_since_registration,
        {{ days_between(
            'greatest(least(users.registered_at, users.first_event_at), observation_window.observed_from)', 'spine.as_of'
        ) }} as days_observed,
        date_format(users.registered_at, 'yyyy-MM') as registration_month,
        users.gender,
        users.device_family,
        users.browser,
        users.state,
        {{ census_region('users.state') }} as census_region
    from spine
    inner join users
        on spine.user_id = users.user_id
    inner join observation_window
        on
            spine.as_of >= observation_window.observed_from
            and spine.as_of <= observation_window.observed_until
)

select * from features
