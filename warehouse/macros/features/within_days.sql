{% macro within_days(day, first_day, last_day) -%}
    {{ day }} >= {{ first_day }} and {{ day }} < {{ last_day }}
{%- endmacro %}
