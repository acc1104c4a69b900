-- Each user who left, once, beside one who stayed: of the same snapshot and the same 30 days of tenure, by chance (a hash).
with

-- Outcomes of later snapshots are known of those only who left.
snapshots as (
    select as_of_date
    from marts.fct_churn_labels
    group by as_of_date
    having count(*) = count({label})
),

outcomes as (
    select
        user_id,
        as_of_date,
        {label} as has_left,
        xxhash64(user_id, as_of_date) as chance,
        min(case when {label} then xxhash64(user_id, as_of_date) end) over (partition by user_id) as leaver_chance
    from marts.fct_churn_labels
    where as_of_date in (select as_of_date from snapshots)
),

candidates as (
    select
        as_of_date,
        has_left,
        least(floor(days_since_registration / 30), 12) as tenure_band,
        row_number() over (
            partition by as_of_date, has_left, least(floor(days_since_registration / 30), 12)
            order by chance, user_id
        ) as place,
        song_count_28d,
        session_count_28d,
        session_minutes_mean_28d,
        days_since_last_event,
        advert_per_song_28d,
        thumbs_up_per_song_28d,
        thumbs_down_per_song_28d,
        playlist_add_count_28d,
        friend_add_count_28d,
        song_share_of_28d_in_7d
    from outcomes
    inner join marts.fct_user_features using (user_id, as_of_date)
    where not has_left or chance = leaver_chance
),

paired as (
    select
        *,
        count(*) over (partition by as_of_date, tenure_band, place) as member_count
    from candidates
)

-- As many pairs as can be drawn, again by chance.
select
    as_of_date,
    tenure_band,
    place,
    has_left,
    song_count_28d,
    session_count_28d,
    session_minutes_mean_28d,
    days_since_last_event,
    advert_per_song_28d,
    thumbs_up_per_song_28d,
    thumbs_down_per_song_28d,
    playlist_add_count_28d,
    friend_add_count_28d,
    song_share_of_28d_in_7d
from paired
where member_count = 2
order by xxhash64(as_of_date, tenure_band, place), as_of_date, tenure_band, place, has_left
limit 3000
