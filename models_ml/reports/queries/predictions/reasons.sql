with newest as (
    select
        as_of_date,
        model_version
    from ml.churn_predictions
    where label = '{label}'
    group by as_of_date, model_version
    order by as_of_date desc, max(scored_at) desc, model_version
    limit 1
),

scored as (
    select
        p.as_of_date,
        p.risk_decile,
        p.reasons
    from ml.churn_predictions as p
    join newest on p.as_of_date = newest.as_of_date and p.model_version = newest.model_version
    where p.label = '{label}'
),

totals as (
    select
        max(as_of_date) as as_of_date,
        count_if(risk_decile = 1) as tenth_total,
        count_if(risk_decile > 1) as other_total
    from scored
),

said as (
    select
        risk_decile,
        explode(reasons) as reason
    from scored
),

-- Without "4 times the usual", then without the amounts, but for "in the last 7 days" and "as 67 % of users do".
plain as (
    select
        risk_decile,
        regexp_replace(
            regexp_replace(reason, ', [^,]*usual[^()]*(?= [(])', ''),
            '(less than )?(?<!last |behaves as )(?<![0-9.,])[0-9][0-9.,]*( %)?', '…'
        ) as reason
    from said
)

select
    totals.as_of_date,
    totals.tenth_total,
    totals.other_total,
    plain.reason,
    count_if(plain.risk_decile = 1) as tenth_count,
    count_if(plain.risk_decile > 1) as other_count
from plain
cross join totals
group by totals.as_of_date, totals.tenth_total, totals.other_total, plain.reason
order by tenth_count desc, other_count desc, plain.reason
