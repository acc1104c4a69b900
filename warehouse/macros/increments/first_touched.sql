{% macro first_touched(kind) -%}
    date'{{ (increment() or {})[kind] or "0001-01-01" }}'
{%- endmacro %}
