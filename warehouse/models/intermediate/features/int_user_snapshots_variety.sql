-- One row per user and snapshot date: how many different songs and artists were heard.
with

windows as (
    select * from {{ ref('int_user_windows') }}
),

features as (
    select
        user_id,
        as_of_date,
        {% for kind in ['song', 'artist'] %}
            distinct_{{ kind }}_change_28d_lifetime as distinct_{{ kind }}_count_28d,
            first_{{ kind }}_count_lifetime as distinct_{{ kind }}_count_lifetime,
        {% endfor %}
        1 - {{ ratio('distinct_song_change_28d_lifetime', 'song_play_count_28d') }} as repeat_share_28d,
        1 - {{ ratio('first_song_count_lifetime', 'song_play_count_lifetime') }} as repeat_share_lifetime,
        {{ ratio('artist_play_count_28d', 'distinct_artist_change_28d_lifetime') }} as songs_per_artist_28d,
        case
            when artist_play_count_lifetime > 0
                then
                    round(
                        log2(artist_play_count_lifetime)
                        - cast(artist_play_count_log2_lifetime as double) / artist_play_count_lifetime,
                        6
                    )
        end as artist_entropy_lifetime
    from windows
)

select * from features
