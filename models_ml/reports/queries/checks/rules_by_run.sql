with results as (
    select
        *,
        max(validated_at) over (partition by run_id, suite) as newest_at
    from monitoring.validation_results
),

rules as (
    select
        run_id,
        rule,
        count(*) as check_count,
        count_if(not success and (is_error or (severity = 'stop' and accepted is null))) as stopping_count,
        count_if(not success and not is_error and severity <> 'stop' and accepted is null) as warning_count,
        count_if(not success and not is_error and accepted is not null) as accepted_count,
        max(validated_at) as validated_at
    from results
    where validated_at = newest_at
    group by run_id, rule
),

runs as (
    select
        *,
        max(stopping_count + warning_count + accepted_count) over (partition by rule) > 0 as was_ever_broken,
        max(validated_at) over (partition by run_id) as audited_at
    from rules
),

ranked as (
    select
        *,
        dense_rank() over (order by audited_at desc, run_id desc) as run_place
    from runs
)

select
    run_id,
    audited_at,
    rule,
    check_count,
    stopping_count,
    warning_count,
    accepted_count,
    was_ever_broken
from ranked
where run_place <= 30
order by audited_at, run_id, rule
