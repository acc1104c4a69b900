{# Create the table if it is missing, add the columns it lacks, then overwrite its rows: one Iceberg commit, and the
   history stays. Nothing is dropped before its replacement is there, and `create or replace`, which empties the main
   branch under its readers, is never used. #}
{% materialization table, adapter='spark' -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- do run_query('create or replace temporary view ' ~ built_view() ~ ' as\n' ~ sql) -%}
    {%- set columns = get_column_schema_from_query('select * from ' ~ built_view()) -%}
    {%- if config.get('contract').enforced -%}
        {%- do assert_contract(columns) -%}
    {%- endif -%}

    {{- run_hooks(pre_hooks) -}}

    {%- set existing_relation = load_relation(this) -%}
    {%- if existing_relation is none -%}
        {%- do run_query(create_table_sql(target_relation, columns)) -%}
    {%- else -%}
        {%- do evolve_table(existing_relation, columns) -%}
        {%- do part_table(existing_relation) -%}
    {%- endif -%}

    {%- call statement('main') -%}
        {{ write_rows_sql(target_relation, existing_relation, columns) }}
    {%- endcall -%}
    {%- do run_query('drop view ' ~ built_view()) -%}

    {{- run_hooks(post_hooks) -}}

    {{- return({'relations': [target_relation]}) -}}
{%- endmaterialization %}
