{# The graph is there once dbt runs: while it parses, a name stands for it. #}
{% macro default_label() -%}
    {%- if not execute -%}
        {{ return('a_label') }}
    {%- endif -%}
    {%- set columns = graph.nodes['model.' ~ project_name ~ '.fct_churn_labels'].columns.values() -%}
    {{ return(columns | selectattr('data_type', 'eq', 'boolean') | map(attribute='name') | first) }}
{%- endmacro %}
