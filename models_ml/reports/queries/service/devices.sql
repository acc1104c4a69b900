select
    device_family,
    browser,
    count(*) as user_count
from marts.dim_users
group by device_family, browser
order by user_count desc, device_family, browser
