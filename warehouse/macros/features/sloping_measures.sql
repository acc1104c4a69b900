{# The measures of a day whose slope over 28 days is a feature. #}
{% macro sloping_measures() -%}
    {{ return(['song_count', 'session_count']) }}
{%- endmacro %}
