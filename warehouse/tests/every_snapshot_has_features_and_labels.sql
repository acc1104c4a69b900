-- Spine, features and labels hold the same snapshots: a join between any two of them loses nothing.
with

spine as (
    select * from {{ ref('int_user_snapshots_spined') }}
),

features as (
    select * from {{ ref('fct_user_features') }}
),

labels as (
    select * from {{ ref('fct_churn_labels') }}
),

incomplete as (
    select
        coalesce(spine.user_id, features.user_id, labels.user_id) as user_id,
        coalesce(spine.as_of_date, features.as_of_date, labels.as_of_date) as as_of_date
    from spine
    full outer join features
        on
            spine.user_id = features.user_id
            and spine.as_of_date = features.as_of_date
    full outer join labels
        on
            spine.user_id = labels.user_id
            and spine.as_of_date = labels.as_of_date
    where spine.user_id is null or features.user_id is null or labels.user_id is null
)

select * from incomplete
