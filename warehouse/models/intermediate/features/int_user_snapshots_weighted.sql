-- One row per user and snapshot date: counts of all days so far, each day weighing half of one a week later.
with

spine as (
    select * from {{ ref('int_user_snapshots_spined') }}
),

user_days as (
    select * from {{ ref('int_user_days') }}
),

past_days as (
    {{ past_days('spine', 'user_days') }}
),

weighted as (
    select
        *,
        pow(0.5, -day / 7) as weight
    from past_days
),

features as (
    select
        user_id,
        as_of_date,
        cast(sum(cast(song_count * weight as decimal(18, 9))) as double) as song_count_decayed,
        cast(sum(cast(advert_count * weight as decimal(18, 9))) as double) as advert_count_decayed,
        cast(sum(cast(thumbs_down_count * weight as decimal(18, 9))) as double) as thumbs_down_count_decayed
    from weighted
    group by user_id, as_of_date
)

select * from features
