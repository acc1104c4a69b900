-- One row per user and snapshot date: how many different songs and artists the user had heard before it.
with

spine as (
    select * from {{ ref('int_user_snapshots_spined') }}
),

variety_days as (
    select * from {{ ref('int_user_variety_days') }}
),

past_days as (
    select
        variety_days.*,
        spine.user_id as snapshot_user_id,
        spine.as_of_date,
        datediff(variety_days.event_date, spine.as_of_date) as day
    from spine
    left join variety_days
        on
            spine.user_id = variety_days.user_id
            and spine.as_of_date > variety_days.event_date
),

summed as (
    select
        snapshot_user_id as user_id,
        as_of_date,
        {% for kind in ['song', 'artist'] %}
            coalesce(sum(distinct_{{ kind }}_change_28d), 0) as distinct_{{ kind }}_count_28d,
            coalesce(sum(first_{{ kind }}_count), 0) as distinct_{{ kind }}_count_lifetime,
            {{ sum_within_days(kind ~ '_play_count', 'day', -28, 0) }} as {{ kind }}_play_count_28d,
            sum({{ kind }}_play_count) as {{ kind }}_play_count_lifetime,
        {% endfor %}
        cast(sum(artist_play_count_log2) as double) as artist_play_count_log2
    from past_days
    group by snapshot_user_id, as_of_date
),

features as (
    select
        user_id,
        as_of_date,
        distinct_song_count_28d,
        distinct_song_count_lifetime,
        distinct_artist_count_28d,
        distinct_artist_count_lifetime,
        1 - {{ ratio('distinct_song_count_28d', 'song_play_count_28d') }} as repeat_share_28d,
        1 - {{ ratio('distinct_song_count_lifetime', 'song_play_count_lifetime') }} as repeat_share_lifetime,
        {{ ratio('artist_play_count_28d', 'distinct_artist_count_28d') }} as songs_per_artist_28d,
        case
            when artist_play_count_lifetime > 0
                then round(log2(artist_play_count_lifetime) - artist_play_count_log2 / artist_play_count_lifetime, 6)
        end as artist_entropy_lifetime
    from summed
)

select * from features
