select
    feature,
    auc,
    lower_bound,
    ranked_by,
    row_count,
    positive_count,
    positive_user_count,
    reason
from monitoring.feature_label_auc
where label = '{label}' and run_id = (select max(run_id) from monitoring.feature_label_auc)
order by auc desc, feature
