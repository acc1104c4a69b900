{% macro require_raw_events() -%}
    {%- if execute and flags.WHICH in ('build', 'run', 'test') -%}
        {%- set raw = var('namespace_prefix') ~ 'raw' -%}
        {%- set has_raw = run_query("show schemas like '" ~ raw ~ "'") | length > 0 -%}
        {%- if not has_raw or run_query("show tables in " ~ raw ~ " like 'events'") | length == 0 -%}
            {{ exceptions.raise_compiler_error(
                "There is no table " ~ raw ~ ".events in "
                ~ env_var('SPARKHOUSE_HOME')
                ~ ": run `sparkhouse ingest` first, or point SPARKHOUSE_HOME at a state folder that has it."
            ) }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
