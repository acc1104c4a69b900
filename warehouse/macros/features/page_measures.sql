{% macro page_measures() -%}
    {{ return({
        'song_count': 'NextSong',
        'thumbs_up_count': 'Thumbs Up',
        'thumbs_down_count': 'Thumbs Down',
        'advert_count': 'Roll Advert',
        'playlist_add_count': 'Add to Playlist',
        'friend_add_count': 'Add Friend',
        'home_count': 'Home',
        'settings_count': 'Settings',
        'settings_save_count': 'Save Settings',
        'downgrade_page_count': 'Downgrade',
        'downgrade_count': 'Submit Downgrade',
        'upgrade_page_count': 'Upgrade',
        'upgrade_count': 'Submit Upgrade',
        'help_count': 'Help',
        'about_count': 'About',
        'error_count': 'Error',
        'logout_count': 'Logout',
    }) }}
{%- endmacro %}
