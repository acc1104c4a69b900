-- One row per user and snapshot date: the user's sessions as they were known then, one still running included.
{%- set known = [
    'song_count', 'length_seconds', 'gap_seconds', 'has_error', 'has_thumbs_down', 'ends_with_logout'
] %}
with

spine as (
    select * from {{ ref('int_user_snapshots_spined') }}
),

windows as (
    select * from {{ ref('int_user_windows') }}
),

session_states as (
    select * from {{ ref('int_session_states') }}
),

-- Of a session that runs over midnight, a snapshot at that midnight knows the first part only.
recent_sessions as (
    select
        spine.user_id,
        spine.as_of_date,
        max_by(struct(session_states.{{ known | join(', session_states.') }}), session_states.event_date) as state
    from spine
    inner join session_states
        on
            spine.user_id = session_states.user_id
            and spine.as_of_date > session_states.event_date
            and date_sub(spine.as_of_date, 28) <= session_states.first_date
    group by spine.user_id, spine.as_of_date, session_states.session_id
),

recent as (
    select
        recent_sessions.user_id,
        recent_sessions.as_of_date,
        count(*) as session_count,
        sum(recent_sessions.state.song_count) as song_count,
        sum(recent_sessions.state.length_seconds) as length_seconds,
        sum(recent_sessions.state.length_seconds * recent_sessions.state.length_seconds) as length_seconds_squares,
        max(recent_sessions.state.length_seconds) as longest_session_seconds,
        count(recent_sessions.state.gap_seconds) as gap_count,
        sum(recent_sessions.state.gap_seconds) as gap_seconds,
        max(recent_sessions.state.gap_seconds) as longest_gap_seconds,
        sum(int(recent_sessions.state.has_error)) as error_session_count,
        sum(int(recent_sessions.state.has_thumbs_down)) as thumbs_down_session_count,
        sum(int(recent_sessions.state.ends_with_logout)) as logout_session_count
    from recent_sessions
    group by recent_sessions.user_id, recent_sessions.as_of_date
),

lifetime as (
    select
        {% for measure in [
            'song_count',
            'length_seconds',
            'length_seconds_squares',
            'gap_count',
            'gap_seconds',
            'error_session_count',
            'thumbs_down_session_count',
            'logout_session_count',
            'first_sessions_song_count',
            'first_sessions_seconds',
        ] %}
            windows.{{ measure }}_lifetime as {{ measure }},
        {% endfor %}
        windows.begun_session_count_lifetime as session_count,
        windows.longest_session_seconds,
        windows.longest_gap_seconds,
        spine.user_id,
        spine.as_of_date
    from spine
    inner join windows
        on
            spine.user_id = windows.user_id
            and spine.as_of_date = windows.as_of_date
),

last_numbers as (
    select
        user_id,
        as_of_date,
        explode(sequence(greatest(session_count - 2, 1), session_count)) as session_number
    from lifetime
),

last_states as (
    select
        last_numbers.user_id,
        last_numbers.as_of_date,
        last_numbers.session_number,
        max_by(struct(session_states.{{ known | join(', session_states.') }}), session_states.event_date) as state
    from last_numbers
    inner join session_states
        on
            last_numbers.user_id = session_states.user_id
            and last_numbers.session_number = session_states.session_number
            and last_numbers.as_of_date > session_states.event_date
    group by last_numbers.user_id, last_numbers.as_of_date, last_numbers.session_number
),

last_sessions as (
    select
        last_states.user_id,
        last_states.as_of_date,
        max_by(last_states.state.gap_seconds, last_states.session_number) as last_gap_seconds,
        sum(last_states.state.song_count) as last_song_count,
        sum(last_states.state.length_seconds) as last_seconds
    from last_states
    group by last_states.user_id, last_states.as_of_date
),

features as (
    select
        lifetime.user_id,
        lifetime.as_of_date,
        {% for window, sessions in {'28d': 'recent', 'lifetime': 'lifetime'}.items() %}
            {{ ratio(sessions ~ '.length_seconds', sessions ~ '.session_count') }} / 60
                as session_minutes_mean_{{ window }},
            {{ standard_deviation(
                sessions ~ '.length_seconds', sessions ~ '.length_seconds_squares', sessions ~ '.session_count'
            ) }} / 60 as session_minutes_sd_{{ window }},
            {{ sessions }}.longest_session_seconds / 60 as session_minutes_max_{{ window }},
            {{ ratio(sessions ~ '.song_count', sessions ~ '.session_count') }} as songs_per_session_{{ window }},
            {{ ratio(sessions ~ '.gap_seconds', sessions ~ '.gap_count') }} / 3600
                as session_gap_hours_mean_{{ window }},
            {{ sessions }}.longest_gap_seconds / 3600 as session_gap_hours_max_{{ window }},
            {% for kind in ['error', 'thumbs_down', 'logout'] %}
                {{ ratio(sessions ~ '.' ~ kind ~ '_session_count', sessions ~ '.session_count') }}
                    as {{ kind }}_session_share_{{ window }},
            {% endfor %}
        {% endfor %}
        {% for feature, sum in {'songs': 'song_count', 'minutes': 'seconds'}.items() %}
            {%- set last, first = 'last_sessions.last_' ~ sum, 'lifetime.first_sessions_' ~ sum %}
            case
                when lifetime.session_count >= 6
                    then coalesce({{ ratio('(' ~ last ~ ' - ' ~ first ~ ')', '(' ~ last ~ ' + ' ~ first ~ ')') }}, 0)
            end as session_{{ feature }}_change_first_to_last,
        {% endfor %}
        last_sessions.last_gap_seconds / 3600 as session_gap_hours_last
    from lifetime
    inner join last_sessions
        on
            lifetime.user_id = last_sessions.user_id
            and lifetime.as_of_date = last_sessions.as_of_date
    left join recent
        on
            lifetime.user_id = recent.user_id
            and lifetime.as_of_date = recent.as_of_date
)

select * from features
