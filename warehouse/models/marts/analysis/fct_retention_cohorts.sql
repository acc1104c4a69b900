-- One row per month of registration, level at entry and snapshot date: how many of a cohort are still there.
with

users as (
    select * from {{ ref('dim_users') }}
),

first_spells as (
    select * from {{ ref('int_subscription_spells') }}
    where spell_number = 1
),

windows as (
    select * from {{ ref('int_user_windows') }}
),

spine as (
    select * from {{ ref('int_user_snapshots_spined') }}
),

observation_window as (
    select * from {{ ref('int_observation_window') }}
),

snapshots as (
    select distinct
        spine.as_of_date,
        spine.as_of,
        datediff(spine.as_of_date, observation_window.observed_from) as observed_days
    from spine
    inner join observation_window
        on
            spine.as_of >= observation_window.observed_from
            and spine.as_of <= observation_window.observed_until
),

-- The spine holds exactly those who are members; day -1 is the date before the snapshot.
subscribed as (
    select
        spine.user_id,
        spine.as_of_date,
        datediff(windows.last_event_at, spine.as_of_date) as last_active_day
    from spine
    inner join windows
        on
            spine.user_id = windows.user_id
            and spine.as_of_date = windows.as_of_date
),

cohorts as (
    select
        first_spells.level as entry_level,
        snapshots.as_of_date,
        snapshots.observed_days,
        subscribed.last_active_day,
        cast(date_trunc('month', users.registered_at) as date) as registration_month
    from users
    inner join first_spells
        on users.user_id = first_spells.user_id
    inner join snapshots
        on first_spells.started_at < snapshots.as_of
    left join subscribed
        on
            users.user_id = subscribed.user_id
            and snapshots.as_of_date = subscribed.as_of_date
),

-- In a window that reaches back before the log begins everybody seen so far is active, which says nothing.
retention_cohorts as (
    select
        registration_month,
        as_of_date,
        entry_level,
        count(*) as user_count,
        count(last_active_day) as subscribed_user_count,
        case when observed_days >= 7 then count_if({{ within_days('last_active_day', -7, 0) }}) end
            as active_user_count_7d,
        case when observed_days >= 28 then count_if({{ within_days('last_active_day', -28, 0) }}) end
            as active_user_count_28d,
        subscribed_user_count / user_count as subscribed_share,
        active_user_count_7d / user_count as active_share_7d,
        active_user_count_28d / user_count as active_share_28d
    from cohorts
    group by registration_month, as_of_date, entry_level, observed_days
)

select * from retention_cohorts
