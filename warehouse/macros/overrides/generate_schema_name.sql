{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ var('namespace_prefix') ~ (custom_schema_name or target.schema) }}
{%- endmacro %}
