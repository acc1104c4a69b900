-- One row per user and snapshot date: what was known of the user just before the snapshot. Each group of features is a
-- model of its own; the columns and what they mean are listed in the catalogue, _marts__features.yml, and nowhere else.
with

counts as (
    select * from {{ ref('int_user_snapshots_counts') }}
),

rhythm as (
    select * from {{ ref('int_user_snapshots_rhythm') }}
),

sessions as (
    select * from {{ ref('int_user_snapshots_sessions') }}
),

plan as (
    select * from {{ ref('int_user_snapshots_plan') }}
),

variety as (
    select * from {{ ref('int_user_snapshots_variety') }}
),

profile as (
    select * from {{ ref('int_user_snapshots_profile') }}
),

-- `using` keeps the two keys once.
features as (
    select * -- noqa: RF02
    from counts
    inner join rhythm using (user_id, as_of_date) -- noqa: ST07
    inner join sessions using (user_id, as_of_date) -- noqa: ST07
    inner join plan using (user_id, as_of_date) -- noqa: ST07
    inner join variety using (user_id, as_of_date) -- noqa: ST07
    inner join profile using (user_id, as_of_date) -- noqa: ST07
)

select * from features -- noqa: AM04
