with known as (
    -- That a user stayed is known once the horizon is over, that one left before.
    select max(as_of_date) as as_of_date
    from marts.fct_feature_distributions
    where not is_churned
)

select
    as_of_date,
    feature,
    is_churned,
    user_count,
    null_count,
    mean,
    deviation,
    quantiles
from marts.fct_feature_distributions
where is_churned is not null and as_of_date = (select as_of_date from known)
order by feature, is_churned
