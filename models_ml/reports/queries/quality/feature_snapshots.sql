with newest as (
    select distinct as_of_date
    from marts.fct_user_features
    order by as_of_date desc
    limit 2
),

cells as (
    select
        as_of_date,
        stack(
            12,
            'active_day_count_28d', cast(active_day_count_28d as double),
            'session_count_28d', cast(session_count_28d as double),
            'song_count_28d', cast(song_count_28d as double),
            'listening_hours_28d', cast(listening_hours_28d as double),
            'session_minutes_mean_28d', cast(session_minutes_mean_28d as double),
            'session_gap_hours_mean_28d', cast(session_gap_hours_mean_28d as double),
            'days_since_last_event', cast(days_since_last_event as double),
            'song_change_7d', cast(song_change_7d as double),
            'advert_per_hour_28d', cast(advert_per_hour_28d as double),
            'thumbs_up_ratio_28d', cast(thumbs_up_ratio_28d as double),
            'thumbs_down_per_hour_28d', cast(thumbs_down_per_hour_28d as double),
            'paid_share_28d', cast(paid_share_28d as double)
        ) as (feature, value)
    from marts.fct_user_features
    where as_of_date in (select as_of_date from newest)
),

summed as (
    select
        as_of_date,
        feature,
        count(*) as user_count,
        count_if(value is null) as null_count,
        avg(value) as mean,
        stddev_samp(value) as deviation,
        percentile_approx(value, array(0.25, 0.5, 0.75), 1000) as quartiles
    from cells
    group by as_of_date, feature
)

select
    as_of_date,
    feature,
    user_count,
    null_count,
    mean,
    deviation,
    quartiles[0] as lower_quartile,
    quartiles[1] as median,
    quartiles[2] as upper_quartile
from summed
order by as_of_date, feature
