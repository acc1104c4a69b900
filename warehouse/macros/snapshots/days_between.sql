{% macro days_between(earlier, later) -%}
    (unix_timestamp({{ later }}) - unix_timestamp({{ earlier }})) / 86400
{%- endmacro %}
