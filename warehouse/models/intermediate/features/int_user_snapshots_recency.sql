-- One row per user and snapshot date: how long ago the user was seen first and last, and last came to each page.
with

spine as (
    select * from {{ ref('int_user_snapshots_spined') }}
),

user_days as (
    select * from {{ ref('int_user_days') }}
),

past_days as (
    {{ past_days('spine', 'user_days') }}
),

seen as (
    select
        user_id,
        as_of_date,
        {% for name in recency_pages() %}
            max(last_{{ name }}_at) as last_{{ name }}_at,
        {% endfor %}
        min(first_event_at) as first_event_at,
        max(last_event_at) as last_event_at
    from past_days
    group by user_id, as_of_date
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
    from seen
)

select * from features
