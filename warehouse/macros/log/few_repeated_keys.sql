{# Looked up before the model's own query is planned: whether rows must be put in order depends on it. A unit test has
   no raw events, and what only shows the SQL need not look. #}
{% macro few_repeated_keys(where) -%}
    {%- set most = 10000 -%}
    {%- set events = source('raw', 'events') -%}
    {%- if not execute or model.resource_type != 'model' or flags.WHICH not in ('build', 'run') -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set found = run_query(
        'select cast(xxhash64(record_hash) as string) from ' ~ events ~ ' where ' ~ where
        ~ ' group by xxhash64(record_hash) having count(*) > 1 limit ' ~ (most + 1)
    ) -%}
    {{ return(found.columns[0].values() if found | length <= most else none) }}
{%- endmacro %}
