{# Runs at the end of every dbt command, so that bare dbt leaves its record, too; a build on the branch of a run has its
   record from the publication. It reads metadata only: the snapshot that each table is at, and the newest ingested_at
   from the statistics of the files. #}
{% macro record_build(results) -%}
    {%- set models = results | selectattr('node.resource_type', 'equalto', 'model') | list if execute else [] -%}
    {%- set built = models | selectattr('status', 'equalto', 'success') | map(attribute='node.name') | list -%}
    {%- set is_whole = built | length == models | length -%}
    {%- if is_whole and 'fct_user_features' in built and 'fct_churn_labels' in built and not var('namespace_prefix') -%}
        {%- do run_query('create schema if not exists monitoring') -%}
        {%- do run_query(source_table_ddl('monitoring', 'builds')) -%}
        {%- if run_query('set spark.wap.branch').rows[0]['value'] != '<undefined>' -%}
            {{ return('') }}
        {%- endif -%}
        {%- set heads = [] -%}
        {%- for node in graph.nodes.values()
            if node.resource_type == 'model' and node.schema in ['staging', 'intermediate', 'marts']
            and adapter.get_relation(node.database, node.schema, node.alias) -%}
            {%- set table = node.schema ~ '.' ~ node.alias -%}
            {%- do heads.append(
                "select '" ~ table ~ "' as table_name, snapshot_id from " ~ table ~ ".refs where name = 'main'"
            ) -%}
        {%- endfor -%}

        insert into monitoring.builds by name
        with

        heads as (
            {{ heads | join(' union all ') }}
        ),

        newest as (
            select max(ingested_at) as ingested_at from staging.stg_sparkify__events
        ),

        snapshots as (
            select map_from_entries(array_sort(collect_list(struct(table_name, snapshot_id)))) as by_table from heads
        )

        select
            '{{ invocation_id }}' as build_id,
            current_timestamp() as completed_at,
            newest.ingested_at as newest_ingested_at,
            snapshots.by_table as table_snapshot_ids
        from newest
        cross join snapshots
    {%- endif -%}
{%- endmacro %}
