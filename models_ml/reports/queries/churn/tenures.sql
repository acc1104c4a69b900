-- Memberships by the day of tenure on which they come under observation, end and are cancelled. One is at risk from its
-- first event in the log to its cancellation or the end of the log, both days included.
with

observed as (
    select
        users.registered_at,
        memberships.started_at as observed_from,
        least(memberships.cancelled_at, logs.observed_until) as observed_until,
        coalesce(memberships.cancelled_at <= logs.observed_until, false) as is_cancelled,
        stack(
            4,
            'level', spells.level,
            'device', users.device_family,
            'gender', users.gender,
            'registration month', date_format(users.registered_at, 'yyyy-MM')
        ) as (dimension, member_group)
    from intermediate.int_memberships as memberships
    inner join marts.dim_users as users
        on memberships.user_id = users.user_id
    left join intermediate.int_subscription_spells as spells
        on memberships.user_id = spells.user_id and spells.spell_number = 1
    cross join (select max(observed_until) as observed_until from intermediate.int_observation_window) as logs
),

movements as (
    select
        dimension,
        member_group,
        stack(
            2,
            greatest(timestampdiff(day, registered_at, observed_from), 0), 1, 0, 0,
            greatest(timestampdiff(day, registered_at, observed_until), 0), 0, 1, int(is_cancelled)
        ) as (tenure_day, entered, ended, cancelled)
    from observed
    where observed_from <= observed_until and member_group is not null
)

select
    dimension,
    member_group,
    tenure_day,
    sum(entered) as entered_count,
    sum(ended) as ended_count,
    sum(cancelled) as cancelled_count
from movements
group by dimension, member_group, tenure_day
order by dimension, member_group, tenure_day
