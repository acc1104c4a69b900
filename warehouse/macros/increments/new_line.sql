{% macro new_line(increment) -%}
    {%- if increment is not none -%} ingested_at > timestamp'{{ increment['ingested_at'] }}' {%- else -%} true {%- endif -%}
{%- endmacro %}
