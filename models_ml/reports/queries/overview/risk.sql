select
    as_of_date,
    count(*) as user_count,
    count_if(predicted_churn) as flagged_user_count,
    avg(churn_probability) as mean_probability
from (
    select
        *,
        rank() over (partition by as_of_date order by scored_at desc) as version_number
    from ml.churn_predictions
    where label = '{label}'
)
where version_number = 1
group by as_of_date
order by as_of_date
