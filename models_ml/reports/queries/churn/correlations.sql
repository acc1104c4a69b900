-- Users and snapshots whose outcome is known of all, at most 4000 of them, by chance (a hash).
select
    cast({label} as int) as has_left,
    days_since_registration,
    paid_share_28d,
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
from marts.fct_churn_labels
inner join marts.fct_user_features using (user_id, as_of_date)
where as_of_date in (
    select as_of_date
    from marts.fct_churn_labels
    group by as_of_date
    having count(*) = count({label})
)
order by xxhash64(user_id, as_of_date), user_id, as_of_date
limit 4000
