{% macro is_increment() -%}
    {{ return(increment() is not none) }}
{%- endmacro %}
