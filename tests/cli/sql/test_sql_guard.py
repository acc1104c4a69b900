"""SQL from outside: what is let through, what is refused, and that what runs means what was written."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from attacks import REFUSED, lines
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.sql.guard import NotAQuery, guarded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

LET_THROUGH = """
select 1 as one
select * from raw.events;
SELECT * FROM Marts.`Dim_Users` AS u WHERE u.`level` = 'paid'
select * from spark_catalog.marts.dim_users
with t as (select 1 as a), u as (select * from T) select u.a from u
with events as (select * from raw.events) select * from events
with a as (with b as (select 1 as x) select * from b) select (select max(x) from a)
select 1 union all select 2 except select 3 intersect select 4
(select 1) union (select 2 order by 1 limit 1)
values (1, 'a'), (2, 'b')
from raw.events select count(*)
select * from (select ts from raw.events) where ts in (select max(ts) from raw.events)
select algorithm, metrics['test_auc'] as auc, settings.grid.depth[0] from ml.model_versions
select a.user_id, count(*) from marts.dim_users a left join marts.fct_sessions b using (user_id) group by all
select * from raw.events lateral view outer explode(pages) p as page where page is not null
select * from marts.dim_users u, lateral (select u.level as l), lateral explode(array(1)) as e(x)
select * from range(3) r join values (1), (2) as v(x) on r.id = v.x
select sum(x) over w from raw.events window w as (partition by user_id order by ts rows 2 preceding)
select transform(pages, (p, i) -> p || i), filter(pages, p -> p rlike '^N') from raw.events
select count(*) filter (where level = 'paid'), percentile_cont(0.5) within group (order by x) from raw.events
select * from raw.events tablesample (10 percent) repeatable (3)
select * from raw.events version as of 123 as e
select * from raw.events timestamp as of '2018-11-01'
select * from raw.events.snapshots
select count(*) from spark_catalog.`raw`.events.`Files` f
select * from raw.events pivot (count(*) for level in ('paid' as p, 'free' as f))
select /* ; drop table raw.events */ 'a; b' -- ; drop table raw.events
select /*+ broadcast(u) */ * from marts.dim_users u
select '$' || '{env:HOME}' as text, reflect.x, identifier from raw.events as reflect
describe raw.events
DESC TABLE spark_catalog.raw.events
describe marts.dim_users.history
show tables in marts
show tables from spark_catalog.`ML`
"""
SAME_ROWS = r"""
select cast('1' as int), cast(1.5 as decimal(10,3)), try_cast('x' as bigint), cast(array(1) as array<string>),
cast(named_struct('b', 1) as struct<b:bigint>), cast(map('a', 1) as map<string,double>), cast('abc' as varchar(2))

select date '2018-10-01', timestamp '2018-10-01 00:00:00', interval 3 days, interval '1-2' year to month,
interval '1 02:03:04' day to second, interval '3 days', interval -3 days, interval 1.5 seconds

select timestamp '2018-10-01 00:00:00' - interval 1 day 2 hours + interval 1 week,
date '2018-01-31' + interval 1 month

select 1D, 2L, 3S, 4Y, 1.5BD, 1.5f, 1e3, 1.50, .5, X'1F', 1e3BD, 1.0 / 3, -32768S, -9223372036854775808L, 0.000BD

select 'a\\b', 'it\'s', "dq's", r'raw\d', 'tab\tx', '\u0041', '\101', 'per\%', 'und\_', 'é☃', 'a' 'b', 'a''b',
'nul\0x', '\x', 'a\b', '`', '--', '/* x */', '\0123', '\Z', 'cr\rx', '☃\U0001F600', 'line
break'

select 'a1' rlike '\\d+', 'a' not rlike 'x', 'x_y' like 'x\\_%' , 'b%' like 'b!%' escape '!', 'X' ilike 'x',
'a' like any ('a', 'b'), 'a' not like all ('a%', 'b'), 'a' regexp 'a', rlike('a', 'a'), 'ab' not ilike 'AB'

select regexp_replace('a.b', '\\.', '-'), regexp_extract('x=1;y=2', 'y=(\\d)', 1), split('a|b', '\\|')[1]

select 7 div 2, 7 % 3, 7 / 2, 6 & 3, 6 | 3, 6 ^ 3, ~6, 'a' || 'b' || 1, 1 | 2 & 3 ^ 1, 8 - 2 - 1, 8 - (2 - 1), - -1

select null <=> null, 1 is distinct from null, 1 <=> 2 < true, 1 = 2 in (false), !true = false, not 1 = 2 and true,
not null is null, 1 + 2 || 'x', 2 between 1 and 3 and true, 1 == 1, 1 != 2, 1 <> 1, typeof(+'1'), null is not null

select shiftleft(1, 2), div(7, 2), if(true, 1, 2), nvl2(1, 2, 3), left('ab', 1), replace('ab', 'b'), mod(7, 3),
char(65), decode(1, 1, 'x', 'y'), log(8), log(2, 8), try_divide(1, 0), int('1'), date('2018-01-01'), string(1)

select extract(year from date '2018-02-03'), trim(both 'x' from 'xax'), trim('  a '), trim('x', 'xa'),
ltrim('x', 'xa'), position('a' in 'ba'), overlay('abc' placing 'x' from 2 for 1), substring('abcd' from 2 for 2)

select datediff(day, date '2018-01-01', date '2018-02-01'), dateadd(month, 1, date '2018-01-31'),
timestampdiff(hour, timestamp '2018-01-01 00:00:00', timestamp '2018-01-02 00:00:00'), date_add('2018-01-01', 3),
datediff('2018-01-03', '2018-01-01'), date_trunc('week', timestamp '2018-01-03 01:01:01'),
date_format(date '2018-01-03', 'yyyy-MM-dd EEE'), to_date('03/01/2018', 'dd/MM/yyyy'), from_unixtime(0)

select current_date = current_date(), current_user = current_user(), now() is null, current_database()

select array(1, 2)[0], map('a', 1)['a'], array(array(1))[0][0], struct(1 as a, 2 as b).b, element_at(array(1), -1),
named_struct('a b', 1).`a b`, array(named_struct('b', 1)).b[0], map_from_arrays(array('k'), array(1)).k

select s.x, t.s.y.z, m['k'], s.*
from (select named_struct('x', 1, 'y', named_struct('z', 2)) as s, map('k', 3) as m) as t

select transform(array(1, 2), (x, i) -> x + i), filter(array(1, null), x -> x is not null),
aggregate(array(1, 2), 0, (acc, x) -> acc + x, acc -> acc * 2), exists(array(1), x -> not x > 1),
array_sort(array(2, 1), (l, r) -> case when l < r then -1 else 1 end), zip_with(array(1), array(2), (x, y) -> x * y)

select count(distinct a, b), count(1) filter (where a > 1), percentile(a, 0.5), max_by(a, b), count_if(a > 1),
percentile_approx(a, array(0.5, 0.9), 100), first(a, true), first(a) ignore nulls, any(a > 1), collect_list(a),
percentile_cont(0.5) within group (order by a desc) from values (1, 2), (2, 5), (null, 1) as t(a, b)

select sum(a) over w, lag(a, 1, 0) over w, nth_value(a, 2) ignore nulls over w, ntile(2) over (order by a nulls last),
avg(a) over (partition by b order by c rows between 1 preceding and current row)
from values (1, 1, 1), (2, 1, 2), (3, 2, 3) as t(a, b, c) window w as (partition by b order by c)

select sum(a) over (order by ts range between interval 7 days preceding and current row)
from values (1, timestamp '2018-01-01 00:00:00'), (2, timestamp '2018-01-05 00:00:00') as t(a, ts)

select * from values (1, array(1, 2)) as t(a, arr)
lateral view explode(arr) e as x lateral view outer posexplode(arr) p as i, y

select * from values (1, array(1, 2)) as t(a, arr), lateral (select t.a + 1 as b), lateral explode(arr) as e(x)

select * from explode(array(1, 2)) as t(x), range(1, 10, 4) r, stack(2, 1, 2, 3, 4) s

select a, b, sum(c) from values (1, 2, 3), (1, 3, 4) as t(a, b, c) group by grouping sets ((a), (a, b), ())

select a, b, sum(c), grouping_id(a, b) from values (1, 2, 3), (1, 3, 4) as t(a, b, c) group by cube(a, b)

select a, sum(c) from values (1, 2, 3), (1, 3, 4) as t(a, b, c) group by a, b with rollup having sum(c) > 1

select window(ts, '1 day').start, count(*) from values (timestamp '2018-01-01 05:00:00') as t(ts)
group by window(ts, '1 day')

select a from values (1), (null), (3) as t(a) order by a desc nulls first limit 2 offset 1

select a from values (1), (null), (3) as t(a) order by a limit 2

select * from values (1, 'x', 3), (1, 'y', 4), (2, 'x', 5) as t(a, b, c)
pivot (sum(c) as s, max(c) for b in ('x' as x, 'y'))

select * from values (1, 2, 3), (4, 5, null) as t(id, a, b)
unpivot include nulls (val for name in (a, b as bb)) as u

select count(*) from (select * from range(1000)) tablesample (10 percent) repeatable (3)

select * from values (1), (2) as a(x) left semi join values (2) as b(x) on a.x = b.x
cross join values (7) as d(y) natural join values (7) as e(y)

select * from values (1), (2) as a(x), values (1) as b(x) right join values (1), (5) as c(y) on b.x = c.y

select * from values (1) as a(x) left join values (2) as b(y) on a.x = b.y full outer join values (4) as d(w) on true

with a as (select 1 as x), b (y) as (select * from a)
select * from b union all select 2 except select 3 intersect select 4

with t as (select 1 as a)
select * from (with u as (select 2 as b) select * from u) where b not in (select a from t)

select 1 as x union all (select 2 union all select 3 order by 1 limit 1)

select stack(2, 'a', 1, 'b', 2) as (k, v)

select json_tuple('{"x": 1, "y": 2}', 'x', 'y') as (p, q)

select from_json('{"a": 1}', 'a INT', map('mode', 'PERMISSIVE')), mask('AbC1', upperChar => 'x')

select distinct a as `x``y`, a `d e` from values (1), (1) as t(a) where (a, 1) in ((1, 1)) and exists (select 1)
"""
WORDS = """
select from where group by having order limit ( ) , . * + - / % = <=> < || not is null true and or in like rlike between
case when then end cast as int array struct map interval 1 day 'a' 2.5 `b` a raw.events t with union all except join
left on using cross lateral view explode over partition window filter version of timestamp values describe show tables
insert drop ; : ? $ @ { } [ ] -> /* */ -- reflect identifier pivot tablesample for
"""


@pytest.mark.parametrize("statement", lines(LET_THROUGH))
def test_a_statement_that_reads_our_tables_is_let_through(statement: str) -> None:
    written = guarded(statement).sql()
    assert guarded(written).sql() == written


@pytest.mark.parametrize(
    "statement", ["", "select 1 --\n; drop table raw.events", f"select {'(' * 500}1{')' * 500}", *lines(REFUSED)]
)
def test_all_else_is_refused(statement: str) -> None:
    with pytest.raises(NotAQuery):
        guarded(statement)


def test_a_lonely_dot_makes_no_table() -> None:
    with pytest.raises(NotAQuery, match="A dot makes no table here"):
        guarded("select lateral .")


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(WORDS.split()), max_size=12).map(" ".join))
def test_whatever_the_words_a_statement_is_refused_or_written_so_that_it_stays(text: str) -> None:
    try:
        query = guarded(f"select {text}")
    except NotAQuery:
        return
    assert guarded(query.sql()).sql() == query.sql()


@pytest.mark.parametrize(
    "joined",
    [
        "select 1 from raw.events " + " ".join(f"join raw.events t{number}" for number in range(40)),
        "select " + "struct(" * 30 + "1" + ")" * 30,
        "select " + "if(a, case when b then " * 8 + "1" + " end, 2)" * 8,
    ],
)
@pytest.mark.timeout(20)
def test_a_statement_does_not_take_twice_the_time_for_each_part(joined: str) -> None:
    assert guarded(joined)


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("drop table raw.events", "this command only reads"),
        ("select 1; select 2", "There are 2 statements"),
        ("select * from dim_users", "give namespace.table"),
        ("select * from raw.events where a = :a", "Write the value itself"),
        ("select 1 qualify rank() over (order by 1) = 1", "outer SELECT"),
        ("select '${env:HOME}'", "write '\\$'"),
        ("select a\nfrom where", "line 2"),
    ],
)
def test_a_refusal_says_what_to_do(statement: str, told: str) -> None:
    with pytest.raises(NotAQuery, match=told):
        guarded(statement)


def test_the_tables_of_a_query_are_those_that_a_pin_can_hold() -> None:
    query = guarded(
        "with t as (select * from Raw.Events) select * from t join spark_catalog.marts.dim_users using (user_id) "
        "join raw.ingested_files version as of 7 on true where user_id in (select user_id from ml.churn_predictions) "
        "and exists (select * from marts.fct_sessions.snapshots)"
    )
    assert query.tables == {"raw.events", "marts.dim_users", "ml.churn_predictions"}
    assert not guarded("describe raw.events").tables
    assert not guarded("show tables in raw").tables


def rows(spark: SparkSession, statement: str) -> tuple[list[str], list[str]]:
    """The types of the columns, and the rows in an order that does not depend on the plan."""
    frame = spark.sql(statement)
    return [kind for _, kind in frame.dtypes], sorted(repr(tuple(row)) for row in frame.collect())


@pytest.mark.parametrize("statement", SAME_ROWS.strip().split("\n\n"))
def test_what_runs_means_what_was_written(spark: SparkSession, statement: str) -> None:
    assert rows(spark, guarded(statement).sql()) == rows(spark, statement)


def test_all_functions_of_this_spark_were_looked_through(spark: SparkSession) -> None:
    names = sorted(row.function for row in spark.sql("show system functions").collect())
    looked_through = "f82c59d426150f4bbaa2e5a9d1f231abbfe52385eedc46419734565e2da2de4c"
    assert hashlib.sha256("\n".join(names).encode()).hexdigest() == looked_through, (
        "Spark has other functions now: refuse those that reach files, servers or Java, then take this digest."
    )


@pytest.fixture(scope="module")
def visits(spark: SparkSession) -> Iterator[tuple[int, int]]:
    """The two snapshots of `marts.guarded_visits`: after a first row, and after a second."""
    spark.sql("create namespace if not exists marts")
    spark.sql("create table marts.guarded_visits (id int, page struct<name: string>) using iceberg")
    spark.sql("insert into marts.guarded_visits values (1, named_struct('name', 'Home'))")
    spark.sql("insert into marts.guarded_visits values (2, named_struct('name', 'Help'))")
    taken = spark.sql("select snapshot_id from marts.guarded_visits.snapshots order by committed_at").collect()
    yield taken[0][0], taken[1][0]
    spark.sql("drop table marts.guarded_visits purge")


@pytest.mark.parametrize(
    "statement",
    [
        "select id from marts.guarded_visits",
        "select guarded_visits.id from MARTS.Guarded_Visits",
        "select v.id from spark_catalog.marts.guarded_visits as v",
        "select v.number from marts.guarded_visits as v(number, page)",
        "select guarded_visits.id from marts.guarded_visits where guarded_visits.page.name is not null",
        "select id from (select id from marts.guarded_visits) where id in (select id from marts.guarded_visits)",
        "with guarded_visits as (select id from marts.guarded_visits) select id from guarded_visits",
        "select a.id from marts.guarded_visits a join marts.guarded_visits b on a.id = b.id",
        "select a.id from (marts.guarded_visits a join marts.guarded_visits b using (id)) cross join range(1)",
        "select id from marts.guarded_visits tablesample (100 percent) as v",
        "select id from marts.guarded_visits lateral view explode(array(page.name)) n as name",
        "select id from marts.guarded_visits unpivot (v for n in (page)) where v is not null",
    ],
)
def test_a_pinned_table_is_read_as_it_was(spark: SparkSession, visits: tuple[int, int], statement: str) -> None:
    query = guarded(statement)
    assert query.tables == {"marts.guarded_visits"}
    kind, both = rows(spark, query.sql())
    assert both == ["(1,)", "(2,)"]
    assert rows(spark, query.sql({"marts.guarded_visits": visits[0], "ml.model_versions": 5})) == (kind, ["(1,)"])
    assert rows(spark, query.sql({"marts.guarded_visits": visits[1]})) == (kind, both)
    assert rows(spark, query.sql({"marts.guarded_visits": None})) == (kind, [])


def test_a_column_can_be_named_through_its_namespace(spark: SparkSession, visits: tuple[int, int]) -> None:
    query = guarded("select marts.guarded_visits.id from marts.guarded_visits")
    assert rows(spark, query.sql({"marts.guarded_visits": visits[0]}))[1] == ["(1,)"]


def test_a_pin_leaves_versions_and_metadata_as_they_are(spark: SparkSession, visits: tuple[int, int]) -> None:
    for statement, found in (
        (f"select id from marts.guarded_visits version as of {visits[0]}", ["(1,)"]),
        (f"select id from marts.guarded_visits for version as of {visits[0]} tablesample (100 percent) v", ["(1,)"]),
        ("select count(id) from marts.guarded_visits timestamp as of now()", ["(2,)"]),
        ("select count(*) from marts.guarded_visits.history", ["(2,)"]),
    ):
        query = guarded(statement)
        assert not query.tables
        assert rows(spark, query.sql({"marts.guarded_visits": None}))[1] == found


@pytest.mark.usefixtures("visits")
def test_tables_are_described_and_shown(spark: SparkSession) -> None:
    assert rows(spark, guarded("desc marts.guarded_visits").sql())[1][0].startswith("('id', 'int'")
    shown = rows(spark, guarded("show tables from MARTS").sql())[1]
    assert "('marts', 'guarded_visits', False)" in shown
