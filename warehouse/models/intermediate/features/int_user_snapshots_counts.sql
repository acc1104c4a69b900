-- One row per user and snapshot date: what the days before it add up to, in parts of one another.
{%- set counted = [
    'event_count',
    'song_count',
    'free_song_count',
    'free_advert_count',
    'paid_song_count',
    'paid_advert_count',
    'session_count',
    'active_day_count',
    'playlist_add_count',
    'friend_add_count',
    'advert_count',
    'thumbs_down_count',
    'thumbs_up_count',
    'downgrade_page_count',
    'settings_count',
    'home_count',
    'help_count',
    'error_count',
    'logout_count',
    'upgrade_page_count',
    'settings_save_count',
    'about_count',
    'upgrade_count',
    'downgrade_count',
] %}
with

windows as (
    select * from {{ ref('int_user_windows') }}
),

features as (
    select
        user_id,
        as_of_date,
        last_event_at,
        {% for measure in counted %}
            {% for days in window_days().get(measure, []) %}
                {{ measure }}_{{ days }}d,
            {% endfor %}
            {{ measure }}_lifetime,
        {% endfor %}
        {% for window in ['7d', '14d', '28d', 'lifetime'] %}
            cast(listening_seconds_{{ window }} as double) / 3600 as listening_hours_{{ window }},
        {% endfor %}
        {% for page in page_measures() if page not in ['upgrade_count', 'downgrade_count'] %}
            {{ ratio(page ~ '_28d', 'event_count_28d') }} as {{ page | replace('_count', '_share') }}_28d,
        {% endfor %}
        {% for page in ['advert', 'thumbs_up', 'thumbs_down', 'error'] %}
            {{ ratio(page ~ '_count_28d * 3600', 'cast(listening_seconds_28d as double)') }} as {{ page }}_per_hour_28d,
        {% endfor %}
        {{ ratio('song_count_28d', 'active_day_count_28d') }} as songs_per_active_day_28d,
        {{ ratio('session_count_28d', 'active_day_count_28d') }} as sessions_per_active_day_28d,
        {{ ratio('event_count_28d', 'session_count_28d') }} as events_per_session_28d,
        {{ ratio('advert_count_7d', 'song_count_7d') }} as advert_per_song_7d,
        {{ ratio('advert_count_28d', 'song_count_28d') }} as advert_per_song_28d,
        {{ ratio('thumbs_up_count_28d', 'song_count_28d') }} as thumbs_up_per_song_28d,
        {{ ratio('thumbs_down_count_28d', 'song_count_28d') }} as thumbs_down_per_song_28d,
        {{ ratio('playlist_add_count_28d', 'song_count_28d') }} as playlist_add_per_song_28d,
        {{ ratio('thumbs_up_count_28d', '(thumbs_up_count_28d + thumbs_down_count_28d)') }} as thumbs_up_ratio_28d,
        {{ ratio('thumbs_up_count_lifetime', '(thumbs_up_count_lifetime + thumbs_down_count_lifetime)') }}
            as thumbs_up_ratio_lifetime,
        {{ ratio('cut_short_count_28d', 'song_count_28d') }} as cut_short_share_28d,
        {{ ratio('cut_short_count_lifetime', 'song_count_lifetime') }} as cut_short_share_lifetime,
        {{ ratio('paid_event_count_28d', 'event_count_28d') }} as paid_event_share_28d,
        downgrade_count_lifetime > 0 as has_downgraded
    from windows
)

select * from features
