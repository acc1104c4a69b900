select
    artist,
    sum(play_count) as play_count,
    count(*) as song_count
from marts.fct_song_plays
group by artist
order by play_count desc, artist
limit 200
