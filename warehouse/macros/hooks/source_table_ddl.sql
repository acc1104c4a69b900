{# As `warehouse.contract.tables` has it, from the same YAML: for bare dbt, which runs no Python of ours. #}
{% macro source_table_ddl(source_name, name) -%}
    {%- set source = graph.sources.values()
        | selectattr('source_name', 'equalto', source_name) | selectattr('name', 'equalto', name) | first -%}
    {%- set columns, properties = [], [] -%}
    {%- for column in source.columns.values() -%}
        {%- do columns.append(column.name ~ ' ' ~ column.data_type) -%}
    {%- endfor -%}
    {%- for key, value in source.config.meta.properties.items() -%}
        {%- do properties.append("'" ~ key ~ "' = '" ~ value ~ "'") -%}
    {%- endfor -%}
    create table if not exists {{ source_name }}.{{ name }} ({{ columns | join(', ') }}) using iceberg
    tblproperties ({{ properties | join(', ') }})
{%- endmacro %}
