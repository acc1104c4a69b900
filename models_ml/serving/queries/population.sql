select
    feature,
    as_of_date,
    user_count,
    null_count,
    mean,
    to_json(quantiles) as quantiles
from marts.fct_feature_distributions
where is_churned is null and as_of_date = (select max(as_of_date) from marts.fct_feature_distributions)
