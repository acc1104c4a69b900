{% macro create_table_sql(relation, columns) -%}
    create table {{ relation }} ({{ column_definitions(columns) }})
    {{ file_format_clause() }}
    {{ partition_cols(label='partitioned by') }}
    {{ comment_clause() }}
    {{ tblproperties_clause() }}
{%- endmacro %}
