{# dbt's own check runs the model's query and one of its columns' types once more; this one compares what is known. #}
{% macro assert_contract(columns) -%}
    {%- set agreed, found = [], [] -%}
    {%- for column in model.columns.values() -%}
        {%- set formatted = column.name ~ ' ' ~ column.data_type -%}
        {%- do agreed.append({'name': column.name, 'data_type': column.data_type, 'formatted': formatted}) -%}
    {%- endfor -%}
    {%- for column in columns -%}
        {%- set formatted = column.name ~ ' ' ~ column.dtype -%}
        {%- do found.append({'name': column.name, 'data_type': column.dtype, 'formatted': formatted}) -%}
    {%- endfor -%}
    {%- if agreed | map(attribute='formatted') | sort | list != found | map(attribute='formatted') | sort | list -%}
        {%- do exceptions.raise_contract_error(agreed, found) -%}
    {%- endif -%}
{%- endmacro %}
