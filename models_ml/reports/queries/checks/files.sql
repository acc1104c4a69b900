select
    source_file,
    ingested_at,
    line_count,
    accepted_count,
    rejected_count,
    blank_count,
    byte_count,
    replayed_at,
    record_version,
    count(*) over () as file_count,
    sum(line_count) over () as all_line_count,
    sum(rejected_count) over () as all_rejected_count
from raw.ingested_files
order by ingested_at desc, source_file desc
limit 1000
