-- One row per user and snapshot date: what was known of the user just before the snapshot. Each group of features is a
-- model of its own; the columns and what they mean are listed in the catalogue, _marts__features.yml, and nowhere else.
with

counts as (
    select * from {{ ref('int_user_snapshots_counts') }}
),

calendar as (
    select * from {{ ref('int_user_snapshots_calendar') }}
),

recency as (
    select * from {{ ref('int_user_snapshots_recency') }}
),

trend as (
    select * from {{ ref('int_user_snapshots_trend') }}
),

baseline as (
    select * from {{ ref('int_user_snapshots_baseline') }}
),

weighted as (
    select * from {{ ref('int_user_snapshots_weighted') }}
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
    inner join calendar using (user_id, as_of_date) -- noqa: ST07
    inner join recency using (user_id, as_of_date) -- noqa: ST07
    inner join trend using (user_id, as_of_date) -- noqa: ST07
    inner join baseline using (user_id, as_of_date) -- noqa: ST07
    inner join weighted using (user_id, as_of_date) -- noqa: ST07
    inner join sessions using (user_id, as_of_date) -- noqa: ST07
    inner join plan using (user_id, as_of_date) -- noqa: ST07
    inner join variety using (user_id, as_of_date) -- noqa: ST07
    inner join profile using (user_id, as_of_date) -- noqa: ST07
)

select * from features -- noqa: AM04
