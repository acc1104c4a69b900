{# The sample standard deviation from sums: exact whatever the order of the rows, unlike stddev(). #}
{% macro standard_deviation(total, squares, count) -%}
    sqrt(({{ count }} * {{ squares }} - {{ total }} * {{ total }}) / nullif({{ count }} * ({{ count }} - 1), 0))
{%- endmacro %}
