select
    accepted_at,
    accepted_by,
    reason,
    rule,
    table_name,
    column_name,
    observed_value,
    message,
    run_id
from monitoring.accepted_findings
order by accepted_at desc, rule, table_name, column_name
limit 500
