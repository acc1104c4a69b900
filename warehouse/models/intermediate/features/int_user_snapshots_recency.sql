-- One row per user and snapshot date: how long ago the user was seen first and last, and last came to each page.
with

windows as (
    select * from {{ ref('int_user_windows') }}
),

features as (
    select
        user_id,
        as_of_date,
        {% for name in recency_pages() %}
            {{ days_between('last_' ~ name ~ '_at', 'as_of_date') }} as days_since_last_{{ name }},
        {% endfor %}
        {{ days_between('first_event_at', 'as_of_date') }} as days_since_first_event,
        {{ days_between('last_event_at', 'as_of_date') }} as days_since_last_event
    from windows
)

select * from features
