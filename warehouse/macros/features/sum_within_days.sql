{% macro sum_within_days(measure, day, first_day, last_day) -%}
    sum(case when {{ within_days(day, first_day, last_day) }} then {{ measure }} else 0 end)
{%- endmacro %}
