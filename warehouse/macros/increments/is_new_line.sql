{% macro is_new_line() -%}
    {{ new_line(increment()) }}
{%- endmacro %}
