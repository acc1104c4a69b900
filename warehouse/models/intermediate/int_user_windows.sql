-- One row per user and snapshot date, once the user has come: what the days before it add up to, over the lifetime and
-- in windows. The sum of a window is the difference of two running totals.
{%- set sources = added_measures() -%}
{#- In full at each use: so it can be told that a sum is made of dates, too. -#}
{%- set before = 'over (partition by user_id order by event_date asc, place asc rows unbounded preceding)' -%}
{%- set arrays = {'event_counts_by_hour': 24, 'event_counts_by_weekday': 7} -%}
{%- set last_moments = recency_pages() | list + ['event'] -%}
{%- set highest = {'longest_session_seconds': 'length_seconds', 'longest_gap_seconds': 'gap_seconds'} -%}
{#- Of a date, what is known before it comes first, then the question for that, then what happened. -#}
{%- set places = {'base': 0, 'user_window_dates': 1} -%}
{%- set parts = (places | list if is_increment() else ['user_window_dates']) + sources | list %}
with

spine as (
    select * from {{ ref('int_user_snapshots_spined') }}
),

user_days as (
    select * from {{ ref('int_user_days') }}
    where {{ is_touched('event_date', 'base') }}
),

variety_days as (
    select * from {{ ref('int_user_variety_days') }}
    where {{ is_touched('event_date', 'base') }}
),

session_states as (
    select * from {{ ref('int_session_states') }}
    where {{ is_touched('event_date', 'base') }}
),

-- The newest snapshot that no window of one that is made anew reaches behind.
base as (
    select
        *,
        as_of_date as event_date
    from ({{ earlier_rows({'user_id': 'string', 'as_of_date': 'date'}) }})
    where as_of_date = {{ first_touched('base') }}
),

snapshots as (
    select distinct as_of_date from spine
    where {{ is_touched('as_of_date', 'snapshots') }}
),

window_starts as (
    select
        as_of_date,
        explode(array(0, {{ window_days().values() | sum(start=[]) | unique | sort | join(', ') }})) as window_day
    from snapshots
),

window_dates as (
    select
        date_sub(as_of_date, window_day) as event_date,
        max(window_day = 0) as is_snapshot
    from window_starts
    group by date_sub(as_of_date, window_day)
),

user_dates as (
    select
        user_id,
        event_date
    from user_days
    union all
    select
        user_id,
        date_sub(as_of_date, 1) as event_date
    from base
),

first_dates as (
    select
        user_id,
        min(event_date) as event_date
    from user_dates
    group by user_id
),

user_window_dates as (
    select
        first_dates.user_id,
        window_dates.event_date,
        window_dates.is_snapshot
    from first_dates
    inner join window_dates
        on first_dates.event_date < window_dates.event_date
),

movements as (
    {% for part in parts %}
        select
            user_id,
            event_date,
            {{ places.get(part, 2) }} as place,
            {{ 'is_snapshot' if part == 'user_window_dates' else 'false' }} as is_snapshot,
            {% for source, measures in sources.items() %}
                {% for name, measure in measures.items() %}
                    {%- set total = name ~ '_lifetime' %}
                    {{ total if part == 'base' else measure if part == source else 'null' }} as {{ name }},
                {% endfor %}
            {% endfor %}
            {% for moment in last_moments %}
                {{ 'last_' ~ moment ~ '_at' if part in ['base', 'user_days'] else 'null' }} as last_{{ moment }}_at,
            {% endfor %}
            {% for name, measure in highest.items() %}
                {{ name if part == 'base' else measure if part == 'session_states' else 'null' }} as {{ name }},
            {% endfor %}
            {% if part == 'base' %}
                event_counts_by_hour_lifetime as event_counts_by_hour,
                event_counts_by_weekday_lifetime as event_counts_by_weekday,
            {% elif part == 'user_days' %}
                event_counts_by_hour,
                transform(sequence(0, 6), day -> if(day = weekday(event_date), event_count, 0))
                    as event_counts_by_weekday,
            {% else %}
                null as event_counts_by_hour,
                null as event_counts_by_weekday,
            {% endif %}
            {{ 'first_event_at' if part in ['base', 'user_days'] else 'null' }} as first_event_at
        from {{ part }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

running as (
    select
        user_id,
        event_date as before_date,
        {% for measures in sources.values() %}
            {% for name in measures %}
                coalesce(sum({{ name }}) {{ before }}, 0) as {{ name }},
            {% endfor %}
        {% endfor %}
        {% for moment in last_moments %}
            max(last_{{ moment }}_at) {{ before }} as last_{{ moment }}_at,
        {% endfor %}
        {% for name in highest %}
            max({{ name }}) {{ before }} as {{ name }},
        {% endfor %}
        {% for counts, length in arrays.items() %}
            array(
                {% for place in range(length) %}
                    sum({{ counts }}[{{ place }}]) {{ before }}{{ ',' if not loop.last }}
                {% endfor %}
            ) as {{ counts }},
        {% endfor %}
        min(first_event_at) {{ before }} as first_event_at,
        place,
        is_snapshot
    from movements
),

-- A user who had not come yet when a window began has no total there: all of it is in the window.
compared as (
    select
        {% for measure, windows in window_days().items() %}
            {% for days in windows %}
                {{ total_before(measure, days) }} as {{ measure }}_before_{{ days }}d,
            {% endfor %}
        {% endfor %}
        {% for counts in arrays %}
            {{ total_before(counts, 28) }} as {{ counts }}_before_28d,
        {% endfor %}
        *
    from running
    where place = {{ places['user_window_dates'] }}
),

windows as (
    select
        user_id,
        before_date as as_of_date,
        {% for measure, windows in window_days().items() %}
            {% for days in windows %}
                {{ measure }} - coalesce({{ measure }}_before_{{ days }}d, 0) as {{ measure }}_{{ days }}d,
            {% endfor %}
        {% endfor %}
        {% for measures in sources.values() %}
            {% for measure in measures %}
                {{ measure }} as {{ measure }}_lifetime,
            {% endfor %}
        {% endfor %}
        {% for counts in arrays %}
            coalesce(zip_with({{ counts }}, {{ counts }}_before_28d, (total, earlier) -> total - earlier), {{ counts }})
                as {{ counts }}_28d,
            {{ counts }} as {{ counts }}_lifetime,
        {% endfor %}
        {% for moment in last_moments %}
            last_{{ moment }}_at,
        {% endfor %}
        {{ highest | join(', ') }},
        first_event_at
    from compared
    where is_snapshot
)

select * from windows
