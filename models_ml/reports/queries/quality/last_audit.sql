with results as (
    select
        *,
        max(validated_at) over (partition by suite) as newest_at
    from monitoring.validation_results
)

select
    run_id,
    validated_at,
    suite,
    rule,
    severity,
    success,
    is_error,
    table_name,
    column_name,
    observed_value,
    expected,
    element_count,
    unexpected_count,
    array_join(examples, ', ') as examples,
    remedy,
    accepted
from results
where validated_at = newest_at
order by success, is_error desc, accepted is not null, severity, rule, table_name, column_name
