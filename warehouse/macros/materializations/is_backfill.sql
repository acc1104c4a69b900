{% macro is_backfill() -%}
    {{ return(config.get('meta', {}).get('backfill_column') and (var('snapshots_from') or var('snapshots_to'))) }}
{%- endmacro %}
