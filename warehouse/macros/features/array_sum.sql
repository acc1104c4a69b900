{% macro array_sum(counts) -%}
    aggregate({{ counts }}, bigint(0), (total, count) -> total + count)
{%- endmacro %}
