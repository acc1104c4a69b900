with champion as (
    select model_version, label
    from ml.model_versions
    where label = '{label}' and is_chosen
    order by trained_at desc
    limit 1
)
select
    feature,
    importance,
    importance_spread,
    transform(effect, point -> point.at) as input_values,
    transform(effect, point -> point.probability) as probabilities
from ml.feature_effects
join champion using (model_version, label)
order by importance desc, feature
