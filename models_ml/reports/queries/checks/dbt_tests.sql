with newest as (
    select max_by(run_id, ran_at) as run_id
    from monitoring.dbt_test_results
)

select
    results.run_id,
    results.ran_at,
    results.test_name,
    results.kind,
    results.model,
    results.column_name,
    results.status,
    results.failure_count,
    results.seconds,
    results.description,
    results.sql
from monitoring.dbt_test_results as results
inner join newest
    on results.run_id = newest.run_id
order by results.model, results.test_name
