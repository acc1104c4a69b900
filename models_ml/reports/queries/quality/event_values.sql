with dated as (
    select
        column_name,
        value,
        event_count,
        newest.event_date as newest_date,
        datediff(newest.event_date, days.event_date) div 7 as week
    from marts.fct_event_values as days
    cross join (select max(event_date) as event_date from marts.fct_event_values) as newest
    where days.event_date > date_sub(newest.event_date, 35)
),

weeks as (
    select
        newest_date,
        column_name,
        value,
        week,
        sum(event_count) as event_count
    from dated
    group by newest_date, column_name, value, week
),

totals as (
    select
        *,
        sum(event_count) over (partition by column_name, week) as all_count,
        sum(if(value is null, 0, event_count)) over (partition by column_name, week) as valued_count,
        sum(event_count) over (partition by column_name, value) as value_count
    from weeks
),

ranked as (
    select
        *,
        dense_rank() over (partition by column_name order by value_count desc, value) as place
    from totals
)

select
    newest_date,
    column_name,
    value,
    week,
    event_count,
    all_count,
    valued_count
from ranked
where value is null or place <= 200
order by column_name, value, week
