{% macro ratio(part, whole) -%}
    coalesce({{ part }} / nullif({{ whole }}, 0), 0)
{%- endmacro %}
