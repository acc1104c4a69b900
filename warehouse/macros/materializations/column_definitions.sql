{% macro column_definitions(columns) -%}
    {%- set definitions = [] -%}
    {%- for column in columns -%}
        {%- set comment = escape_single_quotes(column_comment(column)) -%}
        {%- do definitions.append(column.quoted ~ ' ' ~ column.dtype ~ " comment '" ~ comment ~ "'") -%}
    {%- endfor -%}
    {{ return(definitions | join(', ')) }}
{%- endmacro %}
