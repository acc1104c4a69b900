{# DESCRIBE lists the columns first, and ends them with a row that names none. #}
{% macro described_columns(relation) -%}
    {%- set described, section = {}, namespace(is_columns=true) -%}
    {%- for row in run_query('describe table ' ~ relation) -%}
        {%- if not row['col_name'] or row['col_name'].startswith('#') -%}
            {%- set section.is_columns = false -%}
        {%- elif section.is_columns -%}
            {%- do described.update({row['col_name']: {'dtype': row['data_type'], 'comment': row['comment'] or ''}}) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(described) }}
{%- endmacro %}
