with newest as (
    select max(run_id) as run_id
    from monitoring.validation_results
)

select
    results.run_id,
    results.rule,
    results.table_name,
    results.severity,
    results.success,
    results.accepted is not null as is_accepted,
    results.message,
    results.validated_at
from monitoring.validation_results as results
inner join newest
    on results.run_id = newest.run_id
order by results.success, results.severity, results.rule
