select
    *,
    label = '{label}' as is_default
from (
    select
        as_of_date,
        max(horizon_days) as horizon_days,
        count(*) as user_count,
        stack(
            6,
            'churned_in_time_bin', count(churned_in_time_bin), count_if(churned_in_time_bin),
            'will_churn_in_next_bin', count(will_churn_in_next_bin), count_if(will_churn_in_next_bin),
            'will_churn_soon', count(will_churn_soon), count_if(will_churn_soon),
            'will_downgrade', count(will_downgrade), count_if(will_downgrade),
            'will_upgrade', count(will_upgrade), count_if(will_upgrade),
            'will_lapse', count(will_lapse), count_if(will_lapse)
        ) as (label, known_count, positive_count)
    from marts.fct_churn_labels
    group by as_of_date
)
order by as_of_date, label
