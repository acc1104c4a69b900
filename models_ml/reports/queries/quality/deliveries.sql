with deliveries as (
    select
        ingested_at,
        count(*) as file_count,
        sum(line_count) as line_count,
        sum(accepted_count) as accepted_count,
        sum(rejected_count) as rejected_count,
        sum(blank_count) as blank_count,
        sum(byte_count) / 1e6 as megabyte_count
    from raw.ingested_files
    group by ingested_at
)

select
    *,
    sum(file_count) over () as all_file_count,
    sum(line_count) over () as all_line_count,
    sum(rejected_count) over () as all_rejected_count
from deliveries
order by ingested_at desc
limit 200
