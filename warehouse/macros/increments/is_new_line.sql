{% macro is_new_line() -%}
    {%- if is_increment() -%} ingested_at > timestamp'{{ increment()['ingested_at'] }}' {%- else -%} true {%- endif -%}
{%- endmacro %}
