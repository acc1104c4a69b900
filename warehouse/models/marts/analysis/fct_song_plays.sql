-- One row per artist and song: how often it was played, and by how many users.
with

plays as (
    select
        artist,
        song,
        -- 64 bits stand for a song and for a user: they are counted far faster than texts.
        xxhash64(artist, song) as song_key,
        xxhash64(user_id) as user_key
    from {{ ref('stg_sparkify__events') }}
    where page = 'NextSong' and artist is not null and song is not null
),

song_users as (
    select
        song_key,
        user_key,
        count(*) as play_count
    from plays
    group by song_key, user_key
),

song_counts as (
    select
        song_key,
        sum(play_count) as play_count,
        count(*) as listener_count
    from song_users
    group by song_key
),

songs as (
    select distinct
        song_key,
        artist,
        song
    from plays
),

song_plays as (
    select
        songs.artist,
        songs.song,
        song_counts.play_count,
        song_counts.listener_count
    from songs
    inner join song_counts
        on songs.song_key = song_counts.song_key
)

select * from song_plays
