"""What nobody may say in SQL from outside, by whatever door."""

from __future__ import annotations

REFUSED = r"""
# Not one statement.
;
-- a comment
select 1; select 2
select 1; drop table raw.events
select from where
select 1 +
1 + 1
select 'open
select `open
select /* open
# Not a reading one.
drop table raw.events
delete from raw.events
update raw.events set a = 1
truncate table raw.events
insert into raw.events select 1
insert overwrite raw.events select 1
merge into raw.events t using ml.t u on t.a = u.a when matched then delete
create table ml.t as select 1
create temporary view v as select 1
create function f as 'x.Y' using jar '/x.jar'
alter table raw.events set tblproperties ('a' = 'b')
set spark.sql.runSQLOnFiles = true
set
reset
use raw
add jar '/x.jar'
list jars
cache table raw.events
refresh table raw.events
analyze table raw.events compute statistics
explain select 1
execute immediate 'select 1'
call system.rollback_to_snapshot('raw.events', 1)
table raw.events
with x as (select 1) insert into raw.events select * from x
from raw.events insert into ml.t select *
(drop table raw.events)
select * from (delete from raw.events)
select * into ml.t from raw.events
select * from raw.events for update
select transform(a) using 'cat' as (b) from raw.events
from raw.events map a using 'cat' as b
from raw.events reduce a using 'cat' as b
# Of SHOW and DESCRIBE all but our tables.
show tables
show tables in default
show tables in raw like '*'
show tables in raw.x.y
show databases
show functions
show create table raw.events
describe extended raw.events
describe formatted raw.events
describe function abs
describe query select 1
describe database raw
describe default.t
# Not our tables.
select * from csv.`/etc/passwd`
select * from parquet.`/x`
select * from `file:/x`
select * from raw.`../marts/dim_users`
select * from raw.`events.files`
select * from raw.`file:/x`
select * from raw..events
select * from events
select * from default.t
select * from global_temp.v
select * from spark_catalog.default.t
select * from spark_catalog.events
select * from other.raw.events
select * from raw.events.branch_x
select * from raw.events.snapshot_id_1
select * from raw.events.files.x
select (select max(a) from secrets)
select * from raw.events where a in (select a from default.t)
select * from raw.events with (`split-size` = 1)
# Not in scope: such a name stands for whatever the session has under it.
with events as (select * from events) select * from events
with a as (select * from b), b as (select 1) select * from a
select * from (with x as (select 1) select * from x), x
select * from (with x as (select 1) select * from x) union all select * from x
select 1 as x where exists (select * from x)
# Names made of text.
select * from identifier('raw.events')
select identifier('a') from raw.events
select identifier('reflect')('java.lang.System', 'exit', 0)
# Functions that make tables of anything, call Java, tell of files or fetch them.
select * from read_files('/x')
select * from sql_keywords()
select * from raw.range(3)
select * from table(explode(array(1)))
select * from raw.events, lateral my_function(1)
select * from raw.events lateral view reflect('a', 'b') t as c
select reflect('java.lang.System', 'getenv', 'HOME')
select Reflect('java.lang.System', 'getenv', 'HOME')
select `reflect`('java.lang.System', 'getenv', 'HOME')
select reflect/**/('java.lang.System', 'getenv', 'HOME')
select java_method('java.lang.System', 'getenv', 'HOME')
select try_reflect('java.lang.System', 'getenv', 'HOME')
select transform(array(1), x -> reflect('a', 'b'))
select 1 order by reflect('a', 'b')
select 1 limit reflect('a', 'b')
select sum(1) over (order by reflect('a', 'b'))
select count(*) filter (where reflect('a', 'b') = 'c')
select a[reflect('a', 'b')] from raw.events
select extract(`year from now()), reflect('a', 'b'), extract(year` from now())
values (reflect('a', 'b'))
select * from range(length(reflect('a', 'b')))
select * from raw.events version as of reflect('a', 'b')
select * from raw.events pivot (max(reflect('a', 'b')) for c in (1))
select system.reflect('a', 'b')
select builtin.abs(1)
select spark_catalog.system.bucket(2, 1)
select system.rank() over (order by 1)
select input_file_name() from raw.events
select xpath_string('<!DOCTYPE a SYSTEM "file:///etc/passwd"><a>1</a>', 'a')
# Values to fill in, and Spark's own ${...}, which it fills in before it reads a word.
select :name
select ?
select {x}
select @x
select * from raw.events where a = $x
select '${env:HOME}'
select "${system:user.dir}"
select r'${env:HOME}'
select '\$\{env:HOME}'
select '\u0024{env:HOME}'
select 1 as `${env:HOME}`
select `${spark.app.name}` from raw.events
# What Spark does not have, or what sqlglot would write as something else.
select a from raw.events qualify rank() over (order by a) = 1
select * from unnest(array(1))
select [1]
select a:b from raw.events
select a -> 'b' from raw.events
select interval 1 day + 2 * interval 1 hour
"""


def lines(text: str) -> list[str]:
    """The lines of a text that hold something and are no heading."""
    return [line for line in text.splitlines() if line and not line.startswith("#")]
