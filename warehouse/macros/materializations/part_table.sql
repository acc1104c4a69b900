{# A table of an earlier version has all months in one file: what is written from now on has not. #}
{% macro part_table(relation) -%}
    {%- set wanted = config.get('partition_by') -%}
    {%- if wanted and wanted not in run_query('describe table ' ~ relation) | map(attribute='data_type') | list -%}
        {%- do run_query('alter table ' ~ relation ~ ' add partition field ' ~ wanted) -%}
        {%- set properties = [] -%}
        {%- for name, value in config.get('tblproperties').items() -%}
            {%- do properties.append("'" ~ name ~ "' = '" ~ value ~ "'") -%}
        {%- endfor -%}
        {%- do run_query('alter table ' ~ relation ~ ' set tblproperties (' ~ properties | join(', ') ~ ')') -%}
    {%- endif -%}
{%- endmacro %}
