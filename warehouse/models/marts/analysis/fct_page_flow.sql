-- One row per page and the page that came next in the session: where users go, and where sessions end.
with

events as (
    select * from {{ ref('stg_sparkify__events') }}
    where {{ is_known_page('page') }}
),

steps as (
    select
        user_id,
        page,
        coalesce(lead(page) over (
            partition by user_id, session_id
            order by occurred_at, item_in_session, left(event_id, 16)
        ), '(end of session)') as next_page
    from events
),

page_flow as (
    select
        page,
        next_page,
        count(*) as view_count,
        count(distinct user_id) as user_count
    from steps
    group by page, next_page
)

select * from page_flow
