{# dbt-spark's own macro fails where the schema is missing, and `ml` is until the first model is trained. #}
{% macro list_relations_show_tables_without_caching(schema_relation) -%}
    {%- if run_query("show schemas like '" ~ schema_relation.schema ~ "'") | length == 0 -%}
        {{ return([]) }}
    {%- endif -%}
    {{ return(run_query('show tables in ' ~ schema_relation.schema)) }}
{%- endmacro %}
