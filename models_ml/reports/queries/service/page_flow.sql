select
    page,
    next_page,
    view_count,
    user_count
from marts.fct_page_flow
order by view_count desc, page, next_page
