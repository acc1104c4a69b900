-- One row per user with an event on a known page: the profile of the first event, and the ends of what is known.
{%- set profile = ['gender', 'device_family', 'browser', 'metro', 'state', 'registered_at'] -%}
{%- set carried = {
    'user_id': 'string',
    'gender': 'string',
    'device_family': 'string',
    'browser': 'string',
    'metro': 'string',
    'state': 'string',
    'registered_at': 'timestamp',
    'first_event_at': 'timestamp',
    'first_session_id': 'bigint',
    'first_item_in_session': 'bigint',
    'first_event_id': 'string',
    'last_event_at': 'timestamp',
    'first_cancelled_at': 'timestamp',
} %}
with

events as (
    select
        user_id,
        {% for name in profile %}
            {{ name }},
        {% endfor %}
        occurred_at,
        session_id,
        item_in_session,
        event_id,
        page
    from {{ ref('stg_sparkify__events') }}
    where {{ is_known_page('page') }} and {{ is_touched('event_date', 'dates') }}
),

ends as (
    select
        user_id,
        min(occurred_at) as first_event_at,
        max(occurred_at) as last_event_at,
        min(case when page = 'Cancellation Confirmation' then occurred_at end) as first_cancelled_at
    from events
    group by user_id
),

-- The ends are counted without putting anything in order; what is of the first moment are a few rows.
first_events as (
    select /*+ broadcast(ends) */
        events.user_id,
        {% for name in profile %}
            events.{{ name }},
        {% endfor %}
        events.occurred_at,
        events.session_id,
        events.item_in_session,
        events.event_id,
        ends.last_event_at,
        ends.first_cancelled_at
    from events
    inner join ends
        on
            events.user_id = ends.user_id
            and events.occurred_at = ends.first_event_at
),

-- First and last of what was known and of what is touched, which may be known: twice makes no difference.
profiles_before as (
    select
        user_id,
        {% for name in profile %}
            {{ name }},
        {% endfor %}
        first_event_at as occurred_at,
        first_session_id as session_id,
        first_item_in_session as item_in_session,
        first_event_id as event_id,
        last_event_at,
        first_cancelled_at
    from ({{ earlier_rows(carried) }})
),

parts as (
    select * from first_events
    union all
    select * from profiles_before
),

users as (
    select
        user_id,
        min_by(
            struct({{ profile | join(', ') }}),
            struct(occurred_at, session_id, item_in_session, event_id)
        ) as profile,
        min(struct(occurred_at, session_id, item_in_session, event_id)) as first_event,
        max(last_event_at) as last_event_at,
        min(first_cancelled_at) as first_cancelled_at
    from parts
    group by user_id
),

user_profiles as (
    select
        users.user_id,
        {% for name in profile %}
            users.profile.{{ name }},
        {% endfor %}
        users.first_event.occurred_at as first_event_at,
        users.first_event.session_id as first_session_id,
        users.first_event.item_in_session as first_item_in_session,
        users.first_event.event_id as first_event_id,
        users.last_event_at,
        users.first_cancelled_at
    from users
)

select * from user_profiles
