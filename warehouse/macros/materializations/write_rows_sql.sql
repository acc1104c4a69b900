{# All rows of the model in the place of those that are there; of an increment, those from the first date on that it
   touches. Files hold one month each: the days of it before that date are written again. #}
{% macro write_rows_sql(relation, existing, columns) -%}
    {%- set touched = config.get('meta').get('touched') if existing is not none and is_increment() else none -%}
    {%- if touched == 'appended' -%}
        insert into {{ relation }} by name
        select * from {{ built_view() }}
    {%- elif touched -%}
        {%- set column = month_column(config) -%}
        {%- set names = '`' ~ described_columns(existing) | join('`, `') ~ '`' -%}
        {%- set first = increment()[touched] -%}
        {%- set month = "date'" ~ first[:8] ~ "01'" -%}
        insert into {{ relation }} replace where {{ column }} >= {{ month }}
        select {{ names }} from {{ existing }}
        where {{ column }} >= {{ month }} and {{ column }} < date'{{ first }}'
        union all
        select {{ names }} from {{ built_view() }}
        where {{ column }} >= date'{{ first }}'
    {%- else -%}
        insert overwrite {{ relation }} by name
        {{ rows_to_write(existing, columns) }}
    {%- endif -%}
{%- endmacro %}
