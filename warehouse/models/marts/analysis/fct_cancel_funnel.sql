-- One row per page and group: what users saw in the day before they cancelled, and others before a session ended.
with

events as (
    select * from {{ ref('stg_sparkify__events') }}
    where {{ is_known_page('page') }} and not {{ is_cancel_flow('page') }}
),

anchors as (
    select
        *,
        count(*) over (partition by anchor_group) as user_count
    from {{ ref('int_cancel_anchors') }}
),

-- The 24 hours include the anchor: the last page of a session belongs to it.
user_pages as (
    select /*+ broadcast(anchors) */
        events.page,
        anchors.anchor_group,
        anchors.cancelled_user_id,
        anchors.user_count,
        count(*) as view_count
    from events
    inner join anchors
        on
            events.user_id = anchors.user_id
            and events.occurred_at > anchors.anchored_at - interval '24' hour
            and events.occurred_at <= anchors.anchored_at
    group by events.page, anchors.anchor_group, anchors.cancelled_user_id, anchors.user_count
),

-- Both groups are of one size. A page that one of them never viewed has a row all the same.
pages as (
    select
        page,
        max(user_count) as user_count,
        stack(
            2,
            'cancelled',
            count_if(anchor_group = 'cancelled'),
            sum(case when anchor_group = 'cancelled' then view_count else 0 end),
            'matched',
            count_if(anchor_group = 'matched'),
            sum(case when anchor_group = 'matched' then view_count else 0 end)
        ) as (anchor_group, page_user_count, view_count)
    from user_pages
    group by page
),

cancel_funnel as (
    select
        page,
        anchor_group,
        user_count,
        page_user_count,
        view_count,
        page_user_count / user_count as page_user_share,
        view_count / user_count as views_per_user
    from pages
)

select * from cancel_funnel
