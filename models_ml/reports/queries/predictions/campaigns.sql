select
    t.campaign_id,
    t.as_of_date,
    t.model_version,
    t.created_at,
    t.budget,
    t.offer_cost,
    t.save_rate,
    t.customer_value,
    count_if(t.arm = 'treatment') as treatment_users,
    count_if(t.arm = 'treatment' and l.{label} is not null) as treatment_known,
    count_if(t.arm = 'treatment' and l.{label}) as treatment_left,
    count_if(t.arm = 'control') as control_users,
    count_if(t.arm = 'control' and l.{label} is not null) as control_known,
    count_if(t.arm = 'control' and l.{label}) as control_left,
    sum(case when t.arm = 'treatment' then t.churn_probability else 0 end) * t.save_rate as expected_saved,
    sum(case when t.arm = 'treatment' then t.expected_value else 0 end) as expected_value,
    case
        when count_if(t.arm = 'treatment' and t.expected_value_low is null) = 0
            then sum(case when t.arm = 'treatment' then t.expected_value_low end)
    end as expected_value_low,
    case
        when count_if(t.arm = 'treatment' and t.expected_value_high is null) = 0
            then sum(case when t.arm = 'treatment' then t.expected_value_high end)
    end as expected_value_high,
    avg(t.churn_probability) as churn_rate
from ml.campaign_targets as t
left join marts.fct_churn_labels as l on t.user_id = l.user_id and t.as_of_date = l.as_of_date
where t.label = '{label}'
group by all
order by t.created_at desc, t.campaign_id
