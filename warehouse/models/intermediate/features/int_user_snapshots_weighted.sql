-- One row per user and snapshot date: counts of the last 40 weeks, each day weighing half of one a week later.
with

spine as (
    select * from {{ ref('int_user_snapshots_spined') }}
),

user_days as (
    select * from {{ ref('int_user_days') }}
),

-- What is older weighs less than the last digit of the sums.
weighted as (
    select
        spine.user_id,
        spine.as_of_date,
        user_days.song_count,
        user_days.advert_count,
        user_days.thumbs_down_count,
        pow(0.5, datediff(spine.as_of_date, user_days.event_date) / 7) as weight
    from spine
    left join user_days
        on
            spine.user_id = user_days.user_id
            and spine.as_of_date > user_days.event_date
            and date_sub(spine.as_of_date, 280) <= user_days.event_date
),

features as (
    select
        {% for measure in ['song_count', 'advert_count', 'thumbs_down_count'] %}
            cast(coalesce(sum(cast({{ measure }} * weight as decimal(18, 9))), 0) as double) as {{ measure }}_decayed,
        {% endfor %}
        user_id,
        as_of_date
    from weighted
    group by user_id, as_of_date
)

select * from features
