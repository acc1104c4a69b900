select
    *,
    label = '{label}' as is_default
from (
    select
        as_of_date,
        max(horizon_days) as horizon_days,
        count(*) as user_count,
        inline(array(
            {label_counts}
        )) as (label, known_count, positive_count)
    from marts.fct_churn_labels
    group by as_of_date
)
order by as_of_date, label
