{# Steps count from the first date that is asked for, else from a fixed Monday: a longer log moves no snapshot. #}
{% macro is_chosen_snapshot(as_of_date) -%}
    {%- set first, last = var('snapshots_from'), var('snapshots_to') -%}
    datediff({{ as_of_date }}, date'{{ first or "2018-01-01" }}') % {{ var('snapshot_interval_days') }} = 0
    {%- if first %} and {{ as_of_date }} >= date'{{ first }}' {%- endif -%}
    {%- if last %} and {{ as_of_date }} <= date'{{ last }}' {%- endif -%}
{%- endmacro %}
