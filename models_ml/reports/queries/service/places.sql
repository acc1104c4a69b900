select
    state,
    metro,
    count(*) as user_count,
    count_if(is_churned) as cancelled_user_count
from marts.dim_users
group by state, metro
order by user_count desc, state, metro
