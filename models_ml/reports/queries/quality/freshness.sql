select
    build_id,
    completed_at,
    newest_ingested_at,
    (select max(last_event_at) from marts.dim_users) as newest_event_at,
    (select max(ingested_at) from raw.ingested_files) as newest_file_at,
    (select max(published_at) from monitoring.publications) as newest_published_at
from monitoring.builds
order by completed_at desc
limit 60
