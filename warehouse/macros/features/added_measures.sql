{# What is added up over a user's days, by the table that it comes from and the name of its total. #}
{% macro added_measures() -%}
    {%- set of_days = {
        'active_day_count': 'cast(event_count > 0 as bigint)',
        'listening_seconds': 'cast(listening_seconds as decimal(28, 6))',
    } -%}
    {%- for name in page_measures() -%}
        {%- do of_days.update({name: name}) -%}
    {%- endfor -%}
    {%- for name in [
        'event_count',
        'paid_event_count',
        'free_song_count',
        'free_advert_count',
        'paid_song_count',
        'paid_advert_count',
        'session_count',
        'session_seconds',
        'cut_short_count',
    ] -%}
        {%- do of_days.update({name: name}) -%}
    {%- endfor -%}
    {%- for name in baseline_measures().values() -%}
        {%- do of_days.update({name ~ '_squares': name ~ ' * ' ~ name}) -%}
    {%- endfor -%}
    {%- for name in sloping_measures() -%}
        {%- do of_days.update({name ~ '_moment': day_number('event_date') ~ ' * ' ~ name}) -%}
    {%- endfor -%}
    {%- set of_variety, of_sessions = {}, {} -%}
    {%- for kind in ['song', 'artist'] -%}
        {%- for name in ['first_' ~ kind ~ '_count', 'distinct_' ~ kind ~ '_change_28d', kind ~ '_play_count'] -%}
            {%- do of_variety.update({name: name}) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- do of_variety.update({'artist_play_count_log2': 'artist_play_count_log2'}) -%}
    {%- do of_sessions.update({
        'begun_session_count': 'int(is_begun)',
        'length_seconds': 'length_change',
        'length_seconds_squares': 'length_squares_change',
        'gap_count': 'int(is_begun and gap_seconds is not null)',
        'gap_seconds': 'case when is_begun then gap_seconds end',
        'error_session_count': 'error_change',
        'thumbs_down_session_count': 'thumbs_down_change',
        'logout_session_count': 'logout_change',
        'first_sessions_song_count': 'case when session_number <= 3 then song_change end',
        'first_sessions_seconds': 'case when session_number <= 3 then length_change end',
    }) -%}
    {{ return({'user_days': of_days, 'variety_days': of_variety, 'session_states': of_sessions}) }}
{%- endmacro %}
