-- One row per user and snapshot date: the user's sessions as they were known then, one still running included.
with

spine as (
    select * from {{ ref('int_user_snapshots_spined') }}
),

session_days as (
    select * from {{ ref('int_session_days') }}
    where event_count > 0
),

-- Of a session that runs over midnight, a snapshot at that midnight knows the first part only.
sessions_so_far as (
    select
        spine.user_id,
        spine.as_of_date,
        session_days.session_id,
        unix_timestamp(min(session_days.first_event_at)) as started_at,
        unix_timestamp(max(session_days.last_event_at)) as ended_at,
        datediff(min(session_days.event_date), spine.as_of_date) as day,
        sum(session_days.song_count) as song_count,
        sum(session_days.error_count) > 0 as has_error,
        sum(session_days.thumbs_down_count) > 0 as has_thumbs_down,
        max_by(session_days.last_page, session_days.event_date) = 'Logout' as ends_with_logout
    from spine
    inner join session_days
        on
            spine.user_id = session_days.user_id
            and spine.as_of_date > session_days.event_date
    group by spine.user_id, spine.as_of_date, session_days.session_id
),

ordered as (
    select
        *,
        lag(ended_at) over (partition by user_id, as_of_date order by started_at, session_id) as previous_ended_at,
        row_number() over (partition by user_id, as_of_date order by started_at, session_id) as place,
        count(*) over (partition by user_id, as_of_date) as session_count
    from sessions_so_far
),

placed as (
    select
        *,
        ended_at - started_at as seconds,
        -- Sessions may overlap: then there is no gap.
        case when previous_ended_at > started_at then 0 else started_at - previous_ended_at end as gap_seconds,
        place <= 3 as is_among_first,
        place > session_count - 3 as is_among_last,
        min(day) over (partition by user_id, as_of_date) as first_day
    from ordered
),

aggregated as (
    select
        user_id,
        as_of_date,
        {% for window, first_day in {'28d': -28, 'lifetime': 'first_day'}.items() %}
            {%- set filter = 'filter (where ' ~ within_days('day', first_day, 0) ~ ')' %}
            count(*) {{ filter }} as session_count_{{ window }},
            sum(song_count) {{ filter }} as song_count_{{ window }},
            sum(seconds) {{ filter }} as seconds_{{ window }},
            sum(seconds * seconds) {{ filter }} as seconds_squares_{{ window }},
            max(seconds) {{ filter }} as longest_seconds_{{ window }},
            count(gap_seconds) {{ filter }} as gap_count_{{ window }},
            sum(gap_seconds) {{ filter }} as gap_seconds_{{ window }},
            max(gap_seconds) {{ filter }} as longest_gap_seconds_{{ window }},
            sum(int(has_error)) {{ filter }} as error_count_{{ window }},
            sum(int(has_thumbs_down)) {{ filter }} as thumbs_down_count_{{ window }},
            sum(int(ends_with_logout)) {{ filter }} as logout_count_{{ window }},
        {% endfor %}
        max_by(gap_seconds, place) as last_gap_seconds,
        sum(song_count) filter (where is_among_first) as first_song_count,
        sum(song_count) filter (where is_among_last) as last_song_count,
        sum(seconds) filter (where is_among_first) as first_seconds,
        sum(seconds) filter (where is_among_last) as last_seconds
    from placed
    group by user_id, as_of_date
),

features as (
    select
        user_id,
        as_of_date,
        {% for window in ['28d', 'lifetime'] %}
            {{ ratio('seconds_' ~ window, 'session_count_' ~ window) }} / 60 as session_minutes_mean_{{ window }},
            {{ standard_deviation('seconds_' ~ window, 'seconds_squares_' ~ window, 'session_count_' ~ window) }} / 60
                as session_minutes_sd_{{ window }},
            longest_seconds_{{ window }} / 60 as session_minutes_max_{{ window }},
            {{ ratio('song_count_' ~ window, 'session_count_' ~ window) }} as songs_per_session_{{ window }},
            {{ ratio('gap_seconds_' ~ window, 'gap_count_' ~ window) }} / 3600 as session_gap_hours_mean_{{ window }},
            longest_gap_seconds_{{ window }} / 3600 as session_gap_hours_max_{{ window }},
            {% for kind in ['error', 'thumbs_down', 'logout'] %}
                {{ ratio(kind ~ '_count_' ~ window, 'session_count_' ~ window) }}
                    as {{ kind }}_session_share_{{ window }},
            {% endfor %}
        {% endfor %}
        last_gap_seconds / 3600 as session_gap_hours_last,
        case
            when session_count_lifetime >= 6
                then
                    coalesce(
                        {{ ratio('(last_song_count - first_song_count)', '(last_song_count + first_song_count)') }}, 0
                    )
        end as session_songs_change_first_to_last,
        case
            when session_count_lifetime >= 6
                then coalesce({{ ratio('(last_seconds - first_seconds)', '(last_seconds + first_seconds)') }}, 0)
        end as session_minutes_change_first_to_last
    from aggregated
)

select * from features
