{% macro sum_within_days(measure, moment, as_of, first_day, last_day) -%}
    sum(case when {{ within_days(moment, as_of, first_day, last_day) }} then {{ measure }} else 0 end)
{%- endmacro %}
