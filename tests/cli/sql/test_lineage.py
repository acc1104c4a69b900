"""What a column is made from, read from the SQL of a few small models."""

from __future__ import annotations

import pytest

from cli.sql.lineage import Lineage, lineage

RAW = {"raw.events": ("user_id", "ts", "page", "length", "artist", "song", "gender", "agent")}
KEYS = ("user_id", "as_of_date")
STAGED = (
    "select user_id, ts as at, page, length as seconds, gender, agent, artist, song from raw.events where agent != ''"
)


def traced(**models: str) -> Lineage:
    """The lineage of marts.m through models of the schema staging, and one of the mart itself."""
    named = {f"{'marts' if name == 'm' else 'staging'}.{name}": sql for name, sql in models.items()}
    return lineage("marts.m", named, RAW, KEYS)


def made_from(**models: str) -> dict[str, set[str]]:
    """The raw columns of each column of marts.m, which has an origin."""
    found: dict[str, set[str]] = {}
    for origin in traced(**models).origins:
        found.setdefault(origin.column, set()).add(origin.raw_column)
    return found


def of_staged(query: str) -> dict[str, set[str]]:
    return made_from(e=STAGED, m=query)


def test_a_column_is_followed_through_stars_names_and_models() -> None:
    days = "with e as (select * from staging.e), d as (select *, seconds / 60 as minutes from e) select * from d"
    (origin,) = (each for each in traced(e=STAGED, d=days, m="select user_id, minutes from staging.d").origins)
    assert (origin.column, origin.raw_table, origin.raw_column) == ("minutes", "raw.events", "length")
    assert origin.via == ("m", "d", "e")


def test_an_ephemeral_model_is_one_of_the_models_between() -> None:
    inlined = (
        "with __dbt__cte__d as (with e as (select * from staging.e) "
        "select user_id, max(at) as last_at from e group by user_id), "
        "days as (select * from __dbt__cte__d) select * from days"
    )
    (origin,) = traced(e=STAGED, m=inlined).origins
    assert origin.via == ("m", "d", "e")


def test_two_ways_to_a_raw_column_are_one_origin_with_the_models_of_both() -> None:
    found = traced(
        e=STAGED,
        a="select user_id, at as first_at from staging.e",
        b="select user_id, at as last_at from staging.e",
        m="select a.user_id, datediff(last_at, first_at) as days from staging.a inner join staging.b using (user_id)",
    )
    (origin,) = found.origins
    assert origin.raw_column == "ts"
    assert (origin.via[0], set(origin.via[1:3]), origin.via[3]) == ("m", {"a", "b"}, "e")


@pytest.mark.parametrize(
    ("expression", "columns"),
    [
        ("sum(case when page = 'NextSong' then seconds end)", {"page", "length"}),
        ("count_if(page = 'Help')", {"page"}),
        ("sum(seconds) filter (where page = 'NextSong')", {"page", "length"}),
        ("(select max(x.seconds) from staging.e as x where x.user_id = staging.e.user_id)", {"length"}),
        ("cardinality(transform(array(artist), x -> concat(x, song)))", {"artist", "song"}),
        ("current_date()", set()),
    ],
)
def test_a_column_rests_on_all_that_its_expression_reads(expression: str, columns: set[str]) -> None:
    found = of_staged(f"select user_id, {expression} as c from staging.e group by user_id, artist, song")
    assert found.get("c", set()) == columns


def test_a_sum_rests_on_the_filters_of_its_select_and_no_other() -> None:
    query = (
        "with long as (select * from staging.e where seconds > 9) "
        "select user_id, {} as c from long where page = 'Help' {}"
    )
    assert of_staged(query.format("max(at)", "group by user_id")) == {"c": {"ts", "page"}}
    assert of_staged(query.format("at", "")) == {"c": {"ts"}}


def test_a_count_of_rows_rests_on_the_filters_and_groups_down_to_the_border_of_its_model() -> None:
    query = (
        "with songs as (select * from staging.e where page = 'NextSong'), "
        "titles as (select user_id, song from songs group by user_id, song) "
        "select user_id, {} as c from titles group by user_id"
    )
    assert of_staged(query.format("count(*)")) == {"c": {"page", "song"}}
    assert of_staged(query.format("count(1)")) == {"c": {"page", "song"}}
    assert of_staged(query.format("count(song)")) == {"c": {"song"}}


def test_of_a_window_its_partition_and_the_first_of_its_order_count() -> None:
    window = "over (partition by song order by at, seconds rows between unbounded preceding and 1 preceding)"
    assert of_staged(f"select user_id, lag(page) {window} as c from staging.e") == {"c": {"page", "song", "ts"}}
    assert of_staged(
        "select user_id, row_number() over (partition by user_id order by at, page) as c from staging.e"
    ) == {"c": {"ts"}}


def test_of_a_struct_only_the_field_that_is_taken_counts() -> None:
    query = (
        "with u as (select user_id, min_by(struct(gender, agent as device), struct(at, page)) as profile "
        "from staging.e group by user_id), f as (select * from u) "
        "select user_id, f.profile.gender, f.profile.device from f"
    )
    assert of_staged(query) == {"gender": {"gender", "ts"}, "device": {"agent", "ts"}}


@pytest.mark.parametrize(
    ("inner", "outer", "columns"),
    [
        ("select user_id, stack(2, artist, song) as (title) from staging.e", "title", {"artist", "song"}),
        (
            "select user_id, inline(array(struct(song as title, at), struct(artist as title, at))) from staging.e",
            "max(title)",
            {"artist", "song"},
        ),
        ("select user_id, part from staging.e lateral view explode(split(agent, ' ')) as part", "part", {"agent"}),
        (
            "select user_id, song as t from staging.e union all select user_id, artist from staging.e",
            "t",
            {"song", "artist"},
        ),
        ("select user_id, seconds * 2 as twice, twice + 1 as more from staging.e", "more", {"length"}),
    ],
)
def test_what_makes_rows_of_values_is_followed(inner: str, outer: str, columns: set[str]) -> None:
    assert of_staged(f"with t as ({inner}) select user_id, {outer} as c from t") == {"c": columns}


def test_keys_and_columns_that_only_join_are_no_origins() -> None:
    found = of_staged(
        "with s as (select distinct user_id, cast(at as date) as as_of_date from staging.e) "
        "select s.user_id, s.as_of_date, datediff(s.as_of_date, e.at) as days "
        "from s inner join staging.e as e on s.user_id = e.user_id and e.page = 'Help'"
    )
    assert found == {"days": {"ts"}}


def test_a_model_that_reads_its_own_table_of_the_time_before_ends() -> None:
    own = "select user_id, at from staging.e union select user_id, at from staging.d"
    assert made_from(e=STAGED, d=own, m="select user_id, at from staging.d") == {"at": {"ts"}}


def test_a_model_that_cannot_be_read_is_named_and_the_others_are_told() -> None:
    found = traced(
        e=STAGED,
        odd="select from where (",
        m="select e.user_id, e.at, odd.score from staging.e inner join staging.odd on e.user_id = odd.user_id",
    )
    assert [(each.column, each.raw_column) for each in found.origins] == [("at", "ts")]
    assert set(found.unread) == {"staging.odd"}
    assert "\n" not in found.unread["staging.odd"]


def test_a_table_that_nobody_knows_is_named() -> None:
    found = traced(m="select user_id, at from staging.e")
    assert (found.origins, found.unknown, found.unread) == ((), ("staging.e",), {})


def test_a_mart_that_cannot_be_read_has_no_origins() -> None:
    found = traced(m="select (")
    assert found.origins == ()
    assert set(found.unread) == {"marts.m"}
