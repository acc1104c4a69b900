-- One row per user and snapshot date: sums over the days before it, in the windows and over the lifetime so far.
{%- set windows = {
    'song_count': [1, 7, 14, 28],
    'session_count': [7, 14, 28],
    'active_day_count': [7, 14, 28],
    'event_count': [28],
    'paid_event_count': [28],
    'listening_seconds': [7, 28],
    'session_seconds': [28],
    'advert_count': [1, 7, 28],
    'thumbs_down_count': [1, 7, 28],
    'downgrade_page_count': [1, 7, 28],
    'settings_count': [1, 7, 28],
    'settings_save_count': [28],
    'thumbs_up_count': [7, 28],
    'playlist_add_count': [28],
    'friend_add_count': [28],
    'home_count': [28],
    'help_count': [28],
    'error_count': [28],
    'logout_count': [28],
    'upgrade_page_count': [28],
    'upgrade_count': [28],
    'downgrade_count': [28],
} %}
with

spine as (
    select * from {{ ref('int_user_snapshots_spined') }}
),

user_days as (
    select
        *,
        cast(event_count > 0 as bigint) as active_day_count
    from {{ ref('int_user_days') }}
),

aggregated as (
    select
        spine.user_id,
        spine.as_of_date,
        spine.as_of,
        {% for measure, spans in windows.items() %}
            {% for days in spans %}
                {{ sum_within_days('user_days.' ~ measure, 'user_days.event_date', 'spine.as_of_date', -days, 0) }}
                    as {{ measure }}_{{ days }}d,
            {% endfor %}
        {% endfor %}
        min(user_days.first_event_at) as first_event_at,
        max(user_days.last_event_at) as last_event_at,
        sum(user_days.song_count) as song_count_lifetime,
        sum(user_days.session_count) as session_count_lifetime,
        sum(user_days.active_day_count) as active_day_count_lifetime,
        sum(user_days.thumbs_down_count) as thumbs_down_count_lifetime,
        sum(user_days.upgrade_count) as upgrade_count_lifetime,
        sum(user_days.downgrade_count) as downgrade_count_lifetime
    from spine
    inner join user_days
        on
            spine.user_id = user_days.user_id
            and spine.as_of_date > user_days.event_date
    group by spine.user_id, spine.as_of_date, spine.as_of
)

select * from aggregated
