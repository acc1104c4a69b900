{# A query, so that a unit test can put another in its place. #}
{% macro dates_built_before() -%}
    {%- if execute and not should_full_refresh() and load_relation(this) is not none -%}
        select distinct as_of_date from {{ this }}
    {%- else -%}
        select cast(null as date) as as_of_date
    {%- endif -%}
{%- endmacro %}
