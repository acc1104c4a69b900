{% macro is_touched(date, kind) -%}
    {%- if is_increment() -%} {{ date }} >= {{ first_touched(kind) }} {%- else -%} true {%- endif -%}
{%- endmacro %}
