-- One row per artist and song: how often it was played, and by how many users.
with

plays as (
    select * from {{ ref('stg_sparkify__events') }}
    where page = 'NextSong' and artist is not null and song is not null
),

song_plays as (
    select
        artist,
        song,
        count(*) as play_count,
        count(distinct user_id) as listener_count
    from plays
    group by artist, song
)

select * from song_plays
