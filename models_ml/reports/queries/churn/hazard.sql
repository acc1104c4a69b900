-- Both measures for 100 songs of the last 28 days.
select
    as_of_date,
    horizon_days,
    level,
    measure,
    case
        when in_100_songs = 0 then 0
        when in_100_songs <= 1 then 1
        when in_100_songs <= 2 then 2
        when in_100_songs <= 5 then 5
        when in_100_songs <= 10 then 10
        when in_100_songs > 10 then 100
    end as up_to,
    count(*) as user_count,
    count(has_left) as known_count,
    count_if(has_left) as left_count
from (
    select
        as_of_date,
        horizon_days,
        level,
        {label} as has_left,
        stack(
            2,
            'advert_per_song_28d', 100 * advert_per_song_28d,
            'thumbs_down_per_song_28d', 100 * thumbs_down_per_song_28d
        ) as (measure, in_100_songs)
    from marts.fct_churn_labels
    inner join marts.fct_user_features using (user_id, as_of_date)
)
group by as_of_date, horizon_days, level, measure, up_to
order by as_of_date, level, measure, up_to
