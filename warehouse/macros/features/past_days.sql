{# Day -1 is the date before the snapshot; day 0, its own date, is the first that the features must not see. #}
{% macro past_days(spine, user_days) -%}
    select
        {{ user_days }}.*,
        {{ spine }}.as_of_date,
        datediff({{ user_days }}.event_date, {{ spine }}.as_of_date) as day,
        cast({{ user_days }}.event_count > 0 as bigint) as active_day_count
    from {{ spine }}
    inner join {{ user_days }}
        on
            {{ spine }}.user_id = {{ user_days }}.user_id
            and {{ spine }}.as_of_date > {{ user_days }}.event_date
{%- endmacro %}
