select
    floor(duration_seconds / 900) * 15 as minutes_from,
    count(*) as session_count,
    sum(song_count) as song_count
from marts.fct_sessions
where duration_seconds < 8 * 3600
group by minutes_from
order by minutes_from
