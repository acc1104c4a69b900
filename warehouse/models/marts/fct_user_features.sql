-- One row per user and snapshot date: what was known of the user just before the snapshot.
with

snapshots as (
    select * from {{ ref('int_user_snapshots_aggregated') }}
),

spells as (
    select * from {{ ref('int_subscription_spells') }}
),

users as (
    select * from {{ ref('dim_users') }}
),

features as (
    select
        snapshots.user_id,
        snapshots.as_of_date,
        snapshots.last_event_at,
        users.gender,
        users.device_family,
        spells.level,
        snapshots.song_count_1d,
        snapshots.song_count_7d,
        snapshots.song_count_14d,
        snapshots.song_count_28d,
        snapshots.song_count_lifetime,
        snapshots.session_count_7d,
        snapshots.session_count_14d,
        snapshots.session_count_28d,
        snapshots.session_count_lifetime,
        snapshots.active_day_count_7d,
        snapshots.active_day_count_14d,
        snapshots.active_day_count_28d,
        snapshots.active_day_count_lifetime,
        snapshots.advert_count_1d,
        snapshots.advert_count_7d,
        snapshots.advert_count_28d,
        snapshots.thumbs_down_count_1d,
        snapshots.thumbs_down_count_7d,
        snapshots.thumbs_down_count_28d,
        snapshots.thumbs_down_count_lifetime,
        snapshots.downgrade_page_count_1d,
        snapshots.downgrade_page_count_7d,
        snapshots.downgrade_page_count_28d,
        snapshots.settings_count_1d,
        snapshots.settings_count_7d,
        snapshots.settings_count_28d,
        snapshots.settings_save_count_28d,
        snapshots.thumbs_up_count_7d,
        snapshots.thumbs_up_count_28d,
        snapshots.playlist_add_count_28d,
        snapshots.friend_add_count_28d,
        snapshots.home_count_28d,
        snapshots.help_count_28d,
        snapshots.error_count_28d,
        snapshots.logout_count_28d,
        snapshots.upgrade_page_count_28d,
        snapshots.upgrade_count_28d,
        snapshots.upgrade_count_lifetime,
        snapshots.downgrade_count_28d,
        snapshots.downgrade_count_lifetime,
        snapshots.listening_seconds_7d / 3600 as listening_hours_7d,
        snapshots.listening_seconds_28d / 3600 as listening_hours_28d,
        {{ ratio('snapshots.session_seconds_28d / 60', 'snapshots.session_count_28d') }} as minutes_per_session_28d,
        {{ ratio('snapshots.song_count_28d', 'snapshots.session_count_28d') }} as songs_per_session_28d,
        {{ ratio('snapshots.song_count_7d', 'snapshots.song_count_28d') }} as song_share_of_28d_in_7d,
        {{ ratio('snapshots.paid_event_count_28d', 'snapshots.event_count_28d') }} as paid_event_share_28d,
        {{ ratio('snapshots.advert_count_7d', 'snapshots.song_count_7d') }} as advert_per_song_7d,
        {{ ratio('snapshots.advert_count_28d', 'snapshots.song_count_28d') }} as advert_per_song_28d,
        {{ ratio('snapshots.thumbs_up_count_28d', 'snapshots.song_count_28d') }} as thumbs_up_per_song_28d,
        {{ ratio('snapshots.thumbs_down_count_28d', 'snapshots.song_count_28d') }} as thumbs_down_per_song_28d,
        {{ days_between('snapshots.last_event_at', 'snapshots.as_of') }} as days_since_last_event,
        {{ days_between('snapshots.first_event_at', 'snapshots.as_of') }} as days_since_first_event,
        -- A few users have events from before their registration.
        greatest({{ days_between('users.registered_at', 'snapshots.as_of') }}, 0) as days_since_registration,
        {{ days_between('spells.started_at', 'snapshots.as_of') }} as days_on_level
    from snapshots
    left join users
        on snapshots.user_id = users.user_id
    left join spells
        on
            snapshots.user_id = spells.user_id
            and snapshots.as_of > spells.started_at
            and (spells.ended_at is null or snapshots.as_of <= spells.ended_at)
)

select * from features
