with newest as (
    select distinct as_of_date
    from marts.fct_feature_distributions
    order by as_of_date desc
    limit 26
)

select
    as_of_date,
    feature,
    user_count,
    null_count,
    mean,
    deviation,
    quantiles[1] as lower_quartile,
    quantiles[2] as median,
    quantiles[3] as upper_quartile
from marts.fct_feature_distributions
where is_churned is null and as_of_date in (select as_of_date from newest)
order by as_of_date, feature
