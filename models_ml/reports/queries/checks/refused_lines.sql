select
    reason,
    source_file,
    count(*) as line_count,
    count_if(kept = 'shape') as shape_count,
    min(line_number) as first_line_number,
    (select count(*) from raw.rejected_events) as all_refused_count,
    (select sum(line_count) from raw.ingested_files) as all_line_count
from (
    select explode(reasons) as reason, source_file, line_number, kept
    from raw.rejected_events
)
group by reason, source_file
order by line_count desc, reason, source_file
limit 1000
