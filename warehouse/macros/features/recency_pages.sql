{% macro recency_pages() -%}
    {{ return({
        'song': 'NextSong',
        'advert': 'Roll Advert',
        'thumbs_up': 'Thumbs Up',
        'thumbs_down': 'Thumbs Down',
        'downgrade_page': 'Downgrade',
        'error': 'Error',
        'upgrade': 'Submit Upgrade',
        'downgrade': 'Submit Downgrade',
    }) }}
{%- endmacro %}
