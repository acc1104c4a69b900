{# What a build adds to the tables as they are published: the first date of each kind of rows that new events touch, and
   the ingested_at of the newest line that the tables hold. None where all rows are made anew. The command line tells it,
   in a variable of the environment. #}
{% macro increment() -%}
    {%- set told = env_var('SPARKHOUSE_INCREMENT', '') if execute else '' -%}
    {{ return(fromjson(told) if told and not should_full_refresh() else none) }}
{%- endmacro %}
