{# Days from a fixed date on, so that sums of them stay small. #}
{% macro day_number(date) -%}
    datediff({{ date }}, date'2018-01-01')
{%- endmacro %}
