-- One row per level at entry and day of tenure on which an observation ends: Kaplan-Meier with delayed entry.
with

users as (
    select * from {{ ref('dim_users') }}
),

memberships as (
    select * from {{ ref('int_memberships') }}
),

first_spells as (
    select * from {{ ref('int_subscription_spells') }}
    where spell_number = 1
),

observation_window as (
    select max(observed_until) as observed_until
    from {{ ref('int_observation_window') }}
),

-- A member is observed until the cancellation or the end of the log, never until the user's own last event.
observed as (
    select
        users.registered_at,
        memberships.started_at as observed_from,
        least(memberships.cancelled_at, observation_window.observed_until) as observed_until,
        coalesce(memberships.cancelled_at <= observation_window.observed_until, false) as is_cancelled,
        explode(array('all', first_spells.level)) as entry_level
    from memberships
    inner join users
        on memberships.user_id = users.user_id
    inner join first_spells
        on memberships.user_id = first_spells.user_id
    cross join observation_window
),

-- Each membership enters the risk set once and leaves it once. Events from before the registration count as tenure 0.
movements as (
    select
        entry_level,
        stack(
            2,
            greatest(timestampdiff(day, registered_at, observed_from), 0), 1, 0, 0,
            greatest(timestampdiff(day, registered_at, observed_until), 0), 0, int(is_cancelled), int(not is_cancelled)
        ) as (tenure_day, entered, cancelled, censored)
    from observed
    where observed_from <= observed_until
),

-- Whoever enters or leaves on a day is at risk on it.
risk_sets as (
    select
        entry_level,
        tenure_day,
        sum(cancelled) as cancelled_count,
        sum(censored) as censored_count,
        sum(cancelled + censored) + sum(sum(entered - cancelled - censored)) over (
            partition by entry_level order by tenure_day
        ) as at_risk_count
    from movements
    group by entry_level, tenure_day
),

-- Both run over the days so far: the product of the shares that stay, and Greenwood's sum for its variance.
running as (
    select
        *,
        cancelled_count / at_risk_count as hazard,
        aggregate(
            collect_list(1 - cancelled_count / at_risk_count) over days_so_far,
            1D,
            (product, share) -> product * share
        ) as survival,
        sum(cancelled_count / (at_risk_count * (at_risk_count - cancelled_count))) over days_so_far as greenwood_sum
    from risk_sets
    window days_so_far as (partition by entry_level order by tenure_day)
),

survival_by_tenure as (
    select
        entry_level,
        tenure_day,
        at_risk_count,
        cancelled_count,
        censored_count,
        hazard,
        survival,
        case when survival > 0 then survival * sqrt(greenwood_sum) end as survival_standard_error
    from running
    where cancelled_count + censored_count > 0
)

select * from survival_by_tenure
