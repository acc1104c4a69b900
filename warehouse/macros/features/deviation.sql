{# How far the daily mean of the last 7 days lies from the mean of all days so far, in the standard deviations of the
   user's own days; 0 where no day ever differed from another. #}
{% macro deviation(recent, total, squares, days) -%}
    coalesce(
        ({{ days }} * {{ recent }} / 7 - {{ total }})
        / nullif(sqrt({{ days }} * {{ squares }} - {{ total }} * {{ total }}), 0),
        0
    )
{%- endmacro %}
