-- One row per user and snapshot date: what was known of the user just before the snapshot. Each group of features is a
-- model of its own; what the columns mean is said in the catalogue, _marts__features.yml, in the same order.
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

features as (
    select
        counts.user_id,
        counts.as_of_date,
        counts.last_event_at,
        counts.event_count_1d,
        counts.event_count_3d,
        counts.event_count_7d,
        counts.event_count_14d,
        counts.event_count_28d,
        counts.event_count_lifetime,
        counts.song_count_1d,
        counts.song_count_3d,
        counts.song_count_7d,
        counts.song_count_14d,
        counts.song_count_28d,
        counts.song_count_lifetime,
        counts.listening_hours_7d,
        counts.listening_hours_14d,
        counts.listening_hours_28d,
        counts.listening_hours_lifetime,
        counts.session_count_7d,
        counts.session_count_14d,
        counts.session_count_28d,
        counts.session_count_lifetime,
        counts.active_day_count_7d,
        counts.active_day_count_14d,
        counts.active_day_count_28d,
        counts.active_day_count_lifetime,
        counts.playlist_add_count_7d,
        counts.playlist_add_count_28d,
        counts.playlist_add_count_lifetime,
        counts.friend_add_count_7d,
        counts.friend_add_count_28d,
        counts.friend_add_count_lifetime,
        variety.distinct_song_count_28d,
        variety.distinct_song_count_lifetime,
        variety.distinct_artist_count_28d,
        variety.distinct_artist_count_lifetime,
        counts.advert_count_1d,
        counts.advert_count_3d,
        counts.advert_count_7d,
        counts.advert_count_14d,
        counts.advert_count_28d,
        counts.advert_count_lifetime,
        counts.thumbs_down_count_1d,
        counts.thumbs_down_count_3d,
        counts.thumbs_down_count_7d,
        counts.thumbs_down_count_14d,
        counts.thumbs_down_count_28d,
        counts.thumbs_down_count_lifetime,
        counts.thumbs_up_count_7d,
        counts.thumbs_up_count_14d,
        counts.thumbs_up_count_28d,
        counts.thumbs_up_count_lifetime,
        counts.downgrade_page_count_1d,
        counts.downgrade_page_count_3d,
        counts.downgrade_page_count_7d,
        counts.downgrade_page_count_28d,
        counts.downgrade_page_count_lifetime,
        counts.settings_count_1d,
        counts.settings_count_3d,
        counts.settings_count_7d,
        counts.settings_count_28d,
        counts.settings_count_lifetime,
        counts.home_count_7d,
        counts.home_count_28d,
        counts.home_count_lifetime,
        counts.help_count_7d,
        counts.help_count_28d,
        counts.help_count_lifetime,
        counts.error_count_7d,
        counts.error_count_28d,
        counts.error_count_lifetime,
        counts.logout_count_7d,
        counts.logout_count_28d,
        counts.logout_count_lifetime,
        counts.upgrade_page_count_7d,
        counts.upgrade_page_count_28d,
        counts.upgrade_page_count_lifetime,
        counts.settings_save_count_28d,
        counts.settings_save_count_lifetime,
        counts.about_count_28d,
        counts.about_count_lifetime,
        counts.song_share_28d,
        counts.thumbs_up_share_28d,
        counts.thumbs_down_share_28d,
        counts.advert_share_28d,
        counts.playlist_add_share_28d,
        counts.friend_add_share_28d,
        counts.home_share_28d,
        counts.settings_share_28d,
        counts.settings_save_share_28d,
        counts.downgrade_page_share_28d,
        counts.upgrade_page_share_28d,
        counts.help_share_28d,
        counts.about_share_28d,
        counts.error_share_28d,
        counts.logout_share_28d,
        counts.songs_per_active_day_28d,
        counts.sessions_per_active_day_28d,
        counts.events_per_session_28d,
        counts.advert_per_hour_28d,
        counts.thumbs_up_per_hour_28d,
        counts.thumbs_down_per_hour_28d,
        counts.error_per_hour_28d,
        counts.advert_per_song_7d,
        counts.advert_per_song_28d,
        counts.thumbs_up_per_song_28d,
        counts.thumbs_down_per_song_28d,
        counts.thumbs_up_ratio_28d,
        counts.thumbs_up_ratio_lifetime,
        counts.playlist_add_per_song_28d,
        counts.cut_short_share_28d,
        counts.cut_short_share_lifetime,
        variety.repeat_share_28d,
        variety.repeat_share_lifetime,
        variety.songs_per_artist_28d,
        variety.artist_entropy_lifetime,
        sessions.session_minutes_mean_28d,
        sessions.session_minutes_sd_28d,
        sessions.session_minutes_max_28d,
        sessions.songs_per_session_28d,
        sessions.session_gap_hours_mean_28d,
        sessions.session_gap_hours_max_28d,
        sessions.error_session_share_28d,
        sessions.thumbs_down_session_share_28d,
        sessions.logout_session_share_28d,
        sessions.session_minutes_mean_lifetime,
        sessions.session_minutes_sd_lifetime,
        sessions.session_minutes_max_lifetime,
        sessions.songs_per_session_lifetime,
        sessions.session_gap_hours_mean_lifetime,
        sessions.session_gap_hours_max_lifetime,
        sessions.error_session_share_lifetime,
        sessions.thumbs_down_session_share_lifetime,
        sessions.logout_session_share_lifetime,
        sessions.session_gap_hours_last,
        sessions.session_songs_change_first_to_last,
        sessions.session_minutes_change_first_to_last,
        plan.level,
        plan.days_on_level,
        plan.paid_share_28d,
        plan.paid_share_lifetime,
        counts.paid_event_share_28d,
        counts.free_song_count_lifetime,
        counts.free_advert_count_lifetime,
        counts.paid_song_count_lifetime,
        counts.paid_advert_count_lifetime,
        counts.upgrade_count_28d,
        counts.upgrade_count_lifetime,
        counts.downgrade_count_28d,
        counts.downgrade_count_lifetime,
        counts.has_downgraded,
        recency.days_since_last_upgrade,
        recency.days_since_last_downgrade,
        calendar.weekend_share_28d,
        calendar.night_share_28d,
        calendar.morning_share_28d,
        calendar.afternoon_share_28d,
        calendar.evening_share_28d,
        calendar.hour_entropy_28d,
        calendar.weekday_entropy_28d,
        recency.days_since_last_event,
        recency.days_since_last_song,
        recency.days_since_last_advert,
        recency.days_since_last_thumbs_up,
        recency.days_since_last_thumbs_down,
        recency.days_since_last_downgrade_page,
        recency.days_since_last_error,
        trend.song_change_7d,
        trend.song_change_14d,
        trend.session_change_7d,
        trend.session_change_14d,
        trend.active_day_change_7d,
        trend.active_day_change_14d,
        trend.song_slope_28d,
        trend.session_slope_28d,
        trend.advert_velocity_7d,
        trend.thumbs_down_velocity_7d,
        trend.song_share_of_28d_in_7d,
        baseline.event_deviation_7d,
        baseline.song_deviation_7d,
        baseline.session_deviation_7d,
        baseline.session_time_deviation_7d,
        baseline.thumbs_up_deviation_7d,
        baseline.thumbs_down_deviation_7d,
        baseline.advert_deviation_7d,
        baseline.playlist_add_deviation_7d,
        baseline.friend_add_deviation_7d,
        baseline.home_deviation_7d,
        baseline.downgrade_page_deviation_7d,
        baseline.error_deviation_7d,
        weighted.song_count_decayed,
        weighted.advert_count_decayed,
        weighted.thumbs_down_count_decayed,
        recency.days_since_first_event,
        profile.days_since_registration,
        profile.days_observed,
        profile.registration_month,
        profile.gender,
        profile.device_family,
        profile.browser,
        profile.state,
        profile.census_region
    from counts
    inner join calendar
        on
            counts.user_id = calendar.user_id
            and counts.as_of_date = calendar.as_of_date
    inner join recency
        on
            counts.user_id = recency.user_id
            and counts.as_of_date = recency.as_of_date
    inner join trend
        on
            counts.user_id = trend.user_id
            and counts.as_of_date = trend.as_of_date
    inner join baseline
        on
            counts.user_id = baseline.user_id
            and counts.as_of_date = baseline.as_of_date
    inner join weighted
        on
            counts.user_id = weighted.user_id
            and counts.as_of_date = weighted.as_of_date
    inner join sessions
        on
            counts.user_id = sessions.user_id
            and counts.as_of_date = sessions.as_of_date
    inner join plan
        on
            counts.user_id = plan.user_id
            and counts.as_of_date = plan.as_of_date
    inner join variety
        on
            counts.user_id = variety.user_id
            and counts.as_of_date = variety.as_of_date
    inner join profile
        on
            counts.user_id = profile.user_id
            and counts.as_of_date = profile.as_of_date
)

select * from features
