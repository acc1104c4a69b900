{% macro earlier_rows(columns) -%}
    {%- if is_increment() and load_relation(this) is not none -%}
        select * from {{ this }}
    {%- else -%}
        {%- set nulls = [] -%}
        {%- for name, type in columns.items() -%}
            {%- do nulls.append('cast(null as ' ~ type ~ ') as ' ~ name) -%}
        {%- endfor -%}
        select {{ nulls | join(', ') }} where false
    {%- endif -%}
{%- endmacro %}
