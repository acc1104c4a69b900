{% macro column_comment(column) -%}
    {%- set documented = model.columns.get(column.name, {}) -%}
    {{ return(documented.get('description', '') | replace('\n', ' ') | trim) }}
{%- endmacro %}
