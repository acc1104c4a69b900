{# The graph is there once dbt runs: while it parses, a name stands for all. #}
{% macro number_features() -%}
    {%- if not execute -%}
        {{ return(['a_feature']) }}
    {%- endif -%}
    {%- set columns = graph.nodes['model.' ~ project_name ~ '.fct_user_features'].columns.values() -%}
    {%- set types = ['bigint', 'int', 'double', 'boolean'] -%}
    {{ return(columns | selectattr('data_type', 'in', types) | map(attribute='name') | list) }}
{%- endmacro %}
