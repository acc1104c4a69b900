{% macro require_observed_snapshots() -%}
    {%- set first, last = var('snapshots_from'), var('snapshots_to') -%}
    {%- if execute and (first or last) -%}
        {%- set observed = run_query(
            'select date_add(cast(min(observed_from) as date), 1), cast(max(observed_until) as date) from '
            ~ ref('int_observation_window')
        ).rows[0] -%}
        {%- set first, last = (first or observed[0]) | string, (last or observed[1]) | string -%}
        {%- if not observed[0] | string <= first <= last <= observed[1] | string -%}
            {{ exceptions.raise_compiler_error(
                "There are no snapshots from " ~ first ~ " to " ~ last ~ ": the log is observed for snapshots from "
                ~ observed[0] ~ " to " ~ observed[1] ~ ". Ask for dates in this window, the first not after the last;"
                ~ " a later date has its snapshot once the log has reached it."
            ) }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
