-- One row per user and snapshot date: the level in force just before it, and the time on each level until then.
with

spine as (
    select * from {{ ref('int_user_snapshots_spined') }}
),

spells as (
    select * from {{ ref('int_subscription_spells') }}
),

-- A spell is cut off at the snapshot: that it ends later, the snapshot cannot know. Without a known level, all is null.
spells_so_far as (
    select
        spine.user_id,
        spine.as_of_date,
        spells.spell_number,
        spells.level,
        unix_timestamp(spells.started_at) as started_at,
        unix_timestamp(spine.as_of - interval '28' day) as window_starts_at,
        unix_timestamp(least(spells.ended_at, spine.as_of)) as ended_at,
        {{ days_between('spells.started_at', 'spine.as_of') }} as days_on_level
    from spine
    left join spells
        on
            spine.user_id = spells.user_id
            and spine.as_of > spells.started_at
),

measured as (
    select
        *,
        ended_at - started_at as seconds_lifetime,
        case
            when started_at is not null then greatest(ended_at - greatest(started_at, window_starts_at), 0)
        end as seconds_28d
    from spells_so_far
),

features as (
    select
        user_id,
        as_of_date,
        max_by(level, spell_number) as level,
        max_by(days_on_level, spell_number) as days_on_level,
        sum(case when level = 'paid' then seconds_28d else 0 end) / sum(seconds_28d) as paid_share_28d,
        sum(case when level = 'paid' then seconds_lifetime else 0 end) / sum(seconds_lifetime) as paid_share_lifetime
    from measured
    group by user_id, as_of_date
)

select * from features
