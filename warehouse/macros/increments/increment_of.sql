{% macro increment_of(name) -%}
    {%- set told = env_var('SPARKHOUSE_INCREMENT', '') -%}
    {%- set increment = fromjson(told) if told and not should_full_refresh() else none -%}
    {{ return(none if increment is none or name in increment['whole'] else increment) }}
{%- endmacro %}
