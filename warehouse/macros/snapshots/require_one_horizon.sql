{% macro require_one_horizon() -%}
    {%- if execute and (var('snapshots_from') or var('snapshots_to')) and load_relation(this) is not none -%}
        {%- set horizon = var('horizon_days') | int -%}
        {%- set others = run_query(
            'select distinct horizon_days from ' ~ this ~ ' where horizon_days != ' ~ horizon
        ) -%}
        {%- if others | length -%}
            {{ exceptions.raise_compiler_error(
                this ~ " holds labels of a horizon of " ~ others.rows[0][0] ~ " days, and a backfill would keep them beside"
                ~ " those of " ~ horizon ~ " days: build all dates first, without --from and --to."
            ) }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
