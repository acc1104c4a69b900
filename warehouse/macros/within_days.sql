{% macro within_days(moment, as_of, first_day, last_day) -%}
    {{ moment }} >= {{ as_of }} + interval '{{ first_day }}' day
    and {{ moment }} < {{ as_of }} + interval '{{ last_day }}' day
{%- endmacro %}
