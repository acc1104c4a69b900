select
    artist,
    song,
    play_count,
    listener_count
from marts.fct_song_plays
order by play_count desc, artist, song
limit 200
