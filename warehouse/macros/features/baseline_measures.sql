{# The measures of a day whose deviation from the user's own days is a feature, by the name of that feature. #}
{% macro baseline_measures() -%}
    {{ return({
        'event': 'event_count',
        'song': 'song_count',
        'session': 'session_count',
        'session_time': 'session_seconds',
        'thumbs_up': 'thumbs_up_count',
        'thumbs_down': 'thumbs_down_count',
        'advert': 'advert_count',
        'playlist_add': 'playlist_add_count',
        'friend_add': 'friend_add_count',
        'home': 'home_count',
        'downgrade_page': 'downgrade_page_count',
        'error': 'error_count',
    }) }}
{%- endmacro %}
