{% macro times_log2(count) -%}
    {{ count }} * log2(greatest({{ count }}, 1))
{%- endmacro %}
