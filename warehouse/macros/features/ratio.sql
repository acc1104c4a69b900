{% macro ratio(part, whole) -%}
    {{ part }} / nullif({{ whole }}, 0)
{%- endmacro %}
