{% macro month_column(config) -%}
    {{ return(config.get('partition_by') | replace('months(', '') | replace(')', '')) }}
{%- endmacro %}
