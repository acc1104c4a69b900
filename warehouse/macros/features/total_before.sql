{% macro total_before(total, days) -%}
    first_value({{ total }}) over (
        partition by user_id order by before_date range between {{ days }} preceding and {{ days }} preceding
    )
{%- endmacro %}
