select
    p.user_id,
    p.as_of_date,
    p.model_version,
    p.churn_probability as probability,
    p.churn_probability_low as probability_low,
    p.churn_probability_high as probability_high,
    p.risk_decile,
    p.predicted_churn,
    to_json(p.reasons) as reasons,
    p.scored_at,
    l.{label} as outcome
from ml.churn_predictions as p
left join marts.fct_churn_labels as l on p.user_id = l.user_id and p.as_of_date = l.as_of_date
where p.label = '{label}'
