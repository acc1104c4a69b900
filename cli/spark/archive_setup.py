"""What `make setup` ends with: the archive of the classes that Java loads in a session of a few statements."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from cli.machine.environment import SPARK_CONF
from cli.machine.home import Home
from cli.spark.class_archive import FOLDER, name_of, run_java
from cli.spark.jvm import newest, quoted
from cli.spark.session import start_spark
from warehouse.contract.errors import SparkhouseError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SECONDS_TO_END = 60
# Whatever the user has set for runs.
SETTINGS = {"SPARKHOUSE_MASTER": "local[2]", "SPARKHOUSE_DRIVER_MEMORY": "1g"}
# What most commands do: write tables, read them with joins, windows and groups, look at metadata, drop them.
STATEMENTS = (
    "create namespace warm",
    """create table warm.events using iceberg as
       select id, id % 7 as user_id, cast(id as string) as name, timestamp_seconds(id * 3600) as at,
              cast(id as decimal(18, 2)) as amount, array(id, 1) as numbers, named_struct('a', id) as part
       from range(1000)""",
    """create or replace temporary view ranked as
       select *, row_number() over (partition by user_id order by at, id) as position,
              sum(amount) over (partition by user_id order by at) as so_far
       from warm.events""",
    """create table warm.users using iceberg as
       select user_id, count(*) as events, count(distinct name) as names, max(so_far) as amount,
              min_by(name, at) as first_name, percentile(id, 0.5) as middle,
              collect_set(date_trunc('day', at)) as days, cast(max(at) as date) as last_date
       from ranked where position < 100 group by user_id""",
    "alter table warm.users add columns (note string)",
    "insert into warm.users select user_id + 10, 0, 0, 0, null, null, null, null, null from warm.users",
    "insert overwrite warm.users select * from warm.users where user_id < 10",
    "delete from warm.users where user_id = 3",
    "alter table warm.users create tag kept",
    "describe table extended warm.users",
    "show tables in warm",
    "select 1",
    "select * from warm.users.snapshots order by committed_at",
    "select * from warm.users version as of 'kept' left join ranked using (user_id) where position = 1 order by 1",
    "select user_id, id from ranked where user_id not in (select user_id from warm.users where events > 200) limit 5",
    "drop table warm.users purge",
    "drop table warm.events purge",
    "drop namespace warm",
)


class NoArchive(SparkhouseError, RuntimeError):
    """Java did not list its classes, or did not make an archive of them."""


def main() -> None:
    """Make the archive; without one, Spark starts slower, and that is all."""
    try:
        make()
    except Exception as error:  # noqa: BLE001 - whatever it is, the environment works without
        print(f"No archive of Java's classes was made, so Spark will start slower: {error}", file=sys.stderr)


def make() -> None:
    """Make the archive anew, in the place of one that may be there. Raises NoArchive, SparkDidNotStart, OSError."""
    SPARK_CONF.mkdir(parents=True, exist_ok=True)
    for former in FOLDER.glob(name_of("*")):
        former.unlink()
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        classes, made = Path(folder) / "classes", Path(folder) / "archive"
        list_classes(Path(folder) / "home", classes)
        ended = run_java(
            os.environ, "-Xshare:dump", f"-XX:SharedClassListFile={classes}", f"-XX:SharedArchiveFile={made}"
        )
        if ended.returncode or not made.exists():
            raise NoArchive((ended.stdout.strip().splitlines() or ["Java said nothing"])[-1])
        made.replace(FOLDER / name_of(made.stat().st_size))


def list_classes(home: Path, classes: Path) -> None:
    """Run the statements in a state folder of their own; Java writes which classes it loads. Raises NoArchive."""
    os.environ |= {"SPARKHOUSE_HOME": str(home), **SETTINGS}
    os.environ["SPARK_SUBMIT_OPTS"] = quoted(f"-XX:DumpLoadedClassList={classes}")
    Home.from_environment()
    work(start_spark())
    end_java()
    if not classes.exists():
        raise NoArchive("Java did not list its classes")


def work(spark: SparkSession) -> None:
    """Run the statements, and have their rows brought to Python."""
    for statement in STATEMENTS:
        spark.sql(statement).collect()
    spark.stop()


def end_java() -> None:
    """Let Java end, which completes its list of classes."""
    from pyspark import SparkContext

    if gateway := SparkContext._gateway:  # noqa: SLF001 - or py4j tells, when Python ends, that nobody answers
        gateway.shutdown()
    jvm = newest()
    if jvm and jvm.process and jvm.process.stdin:
        jvm.process.stdin.close()
        jvm.process.wait(SECONDS_TO_END)


if __name__ == "__main__":
    main()
