{# A backfill replaces the rows of the chosen dates, also where one has none any more, and keeps those of all others. #}
{% macro rows_to_write(existing_relation, columns) -%}
    {%- if existing_relation is none or not is_backfill() -%}
        {{ return('select * from ' ~ built_view()) }}
    {%- endif -%}
    {%- set is_chosen = is_chosen_snapshot(config.get('meta').get('backfill_column')) -%}
    {%- set names = columns | map(attribute='quoted') | join(', ') -%}
    select {{ names }} from {{ built_view() }}
    where {{ is_chosen }}
    union all
    select {{ names }} from {{ existing_relation }}
    where not ({{ is_chosen }})
{%- endmacro %}
