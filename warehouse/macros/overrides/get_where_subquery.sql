{# Of an increment, a test looks at the rows that were made anew: the others were tested when they were. It finds two
   rows of one key all the same, for the date of the month's column is in each key or follows from it. Of raw lines,
   which no model makes, `__is_new_line__` in the `where` of a test says so. #}
{% macro get_where_subquery(relation) -%}
    {%- set tested = graph.nodes.get(model.attached_node) if execute else none -%}
    {%- set touched = tested.config.meta.get('touched') if tested else none -%}
    {%- set increment = increment_of(tested.name) if touched else none -%}
    {%- set where = config.get('where', '') -%}
    {%- if where == '__is_new_line__' -%}
        {%- set where = new_line(increment_of('stg_sparkify__events') if execute else none) -%}
    {%- elif increment is not none and not where -%}
        {%- set first = increment['dates' if touched == 'appended' else touched] -%}
        {%- set where = month_column(tested.config) ~ " >= date'" ~ first ~ "'" -%}
    {%- endif -%}
    {{ return('(select * from ' ~ relation ~ ' where ' ~ where ~ ') as tested_rows' if where else relation) }}
{%- endmacro %}
