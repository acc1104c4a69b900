{# As `warehouse.contract.tables` has it, from the same YAML: for bare dbt, which runs no Python of ours. #}
{% macro source_table_ddl(source_name, name) -%}
    {%- set source = graph.sources.values()
        | selectattr('source_name', 'equalto', source_name) | selectattr('name', 'equalto', name) | first -%}
    {%- set columns = [] -%}
    {%- for column in source.columns.values() -%}
        {%- do columns.append(column.name ~ ' ' ~ column.data_type) -%}
    {%- endfor -%}
    create table if not exists {{ source_name }}.{{ name }} ({{ columns | join(', ') }}) using iceberg
    tblproperties ('write.wap.enabled' = 'false')
{%- endmacro %}
