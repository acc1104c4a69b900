select
    page,
    anchor_group,
    user_count,
    page_user_count,
    view_count
from marts.fct_cancel_funnel
order by page, anchor_group
