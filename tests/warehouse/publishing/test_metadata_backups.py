"""Damaged metadata: told in words, and mended, so that everything published can be read again."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pyspark.errors import AnalysisException

from warehouse.publishing.branch import on_branch
from warehouse.publishing.metadata_backups import Damage, damaged, keep_backup, reported_damage, restore
from warehouse.publishing.tables import Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import SparkSession

    from cli.machine.home import Home

NAME = "marts.t"
MANIFEST_LISTS = "metadata/snap-*.avro"


@pytest.fixture(scope="module")
def original(empty_warehouse: SparkSession, home: Home, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the folder of a table of two commits, whose newest metadata file is v3."""
    empty_warehouse.sql("create namespace if not exists marts")
    create(empty_warehouse)
    append(empty_warehouse, 2)
    return Path(shutil.copytree(home.warehouse / "marts" / "t", tmp_path_factory.mktemp("original") / "t"))


@pytest.fixture
def metadata(original: Path, home: Home) -> Path:
    """The metadata folder of the table, as it was made."""
    table = home.warehouse / "marts" / "t"
    shutil.rmtree(table, ignore_errors=True)
    return Path(shutil.copytree(original, table)) / "metadata"


@pytest.fixture
def warehouse(home: Home) -> Path:
    return home.warehouse


def create(spark: SparkSession) -> None:
    spark.sql(f"create table {NAME} (number int) using iceberg")
    append(spark, 1)


def append(spark: SparkSession, number: int) -> None:
    spark.sql(f"insert into {NAME} values ({number})")


def rows(spark: SparkSession) -> list[int]:
    return sorted(row.number for row in spark.table(NAME).collect())


def error_of(spark: SparkSession) -> str:
    with pytest.raises(Exception) as raised:  # noqa: PT011 - which one it is depends on the damage
        rows(spark)
    return str(raised.value)


def checksums(path: Path) -> Path:
    return path.with_name(f".{path.name}.crc")


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def truncate_without_checksums(path: Path) -> None:
    truncate(path)
    checksums(path).unlink()


def overwrite(path: Path) -> None:
    path.write_bytes(b"\x00\xff not metadata " * 300)


def write_other_json(path: Path) -> None:
    path.write_text("{}")
    checksums(path).unlink()


def change_a_digit(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"format-version":2', b'"format-version":3'))


def remove(path: Path) -> None:
    path.unlink()


def only(damages: list[Damage]) -> Damage:
    (damage,) = damages
    return damage


@pytest.mark.parametrize(
    "damage", [truncate, truncate_without_checksums, overwrite, write_other_json, change_a_digit, remove]
)
def test_a_damaged_published_state_comes_back_from_its_backup(
    spark: SparkSession, metadata: Path, warehouse: Path, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    keep_backup(NAME, warehouse, tmp_path)
    newest, head = metadata / "v3.metadata.json", Table(NAME, spark).head()
    damage(newest)

    found = only(reported_damage(error_of(spark), warehouse, tmp_path))
    assert (found.table, found.path) == (NAME, newest)
    assert "run `sparkhouse doctor --mend`, which returns to version 3, the backup of the newest" in found.message

    (told,) = restore(warehouse, tmp_path)
    assert told.startswith(f"{NAME} is at version 3 of its metadata again, the backup of the newest publication")
    assert (metadata / "v3.metadata.json.damaged").exists() == (damage is not remove)
    assert damaged(warehouse, tmp_path) == []
    assert restore(warehouse, tmp_path) == []
    assert (Table(NAME, spark).head(), rows(spark)) == (head, [1, 2])
    append(spark, 3)
    assert rows(spark) == [1, 2, 3]


def test_a_damaged_write_of_a_branch_makes_room_for_what_is_published(
    spark: SparkSession, metadata: Path, warehouse: Path, tmp_path: Path
) -> None:
    keep_backup(NAME, warehouse, tmp_path)
    with on_branch(spark, "run"):
        append(spark, 3)
        append(spark, 4)
    for version in (4, 5):
        truncate(metadata / f"v{version}.metadata.json")

    (told,) = restore(warehouse, tmp_path)
    assert told == (
        f"{NAME} is at version 3 of its metadata again, the newest intact one; "
        "set aside: v4.metadata.json.damaged, v5.metadata.json.damaged"
    )
    assert rows(spark) == [1, 2]
    assert damaged(warehouse, tmp_path) == []
    append(spark, 5)
    truncate(metadata / "v4.metadata.json")
    assert "v4.metadata.json.damaged1" in restore(warehouse, tmp_path)[0]


@pytest.mark.parametrize(
    ("hint", "fault"),
    [
        ("9", "v9.metadata.json is missing"),
        ("1", "version-hint.text says 1 instead of 3"),
        ("no number", "version-hint.text is damaged"),
        ("", "version-hint.text is damaged"),
        ("0", "version-hint.text is damaged"),
    ],
)
def test_a_wrong_hint_is_put_right(
    spark: SparkSession, metadata: Path, warehouse: Path, tmp_path: Path, hint: str, fault: str
) -> None:
    """Where a version is missing between the hint and the newest, Iceberg would read an old state and say nothing."""
    (metadata / "version-hint.text").write_text(hint)
    checksums(metadata / "version-hint.text").unlink()
    (metadata / "v2.metadata.json").unlink()

    assert fault in only(damaged(warehouse, tmp_path)).message
    assert restore(warehouse, tmp_path) == [f"{NAME} is at version 3 of its metadata again, the newest intact one"]
    assert (metadata / "version-hint.text").read_text() == "3"
    assert rows(spark) == [1, 2]


def test_checksums_that_are_cut_off_are_taken_away(
    spark: SparkSession, metadata: Path, warehouse: Path, tmp_path: Path
) -> None:
    newest = metadata / "v3.metadata.json"
    checksums(newest).write_bytes(checksums(newest).read_bytes()[:10])

    found = only(reported_damage(error_of(spark), warehouse, tmp_path))
    assert found.path == checksums(newest)
    restore(warehouse, tmp_path)
    assert rows(spark) == [1, 2]


def test_a_table_with_nothing_to_mend_it_from_is_told_of_and_left_alone(
    spark: SparkSession, metadata: Path, warehouse: Path, tmp_path: Path
) -> None:
    keep_backup(NAME, warehouse, tmp_path)
    spark.sql(f"drop table {NAME} purge")
    assert damaged(warehouse, tmp_path) == []
    create(spark)
    for path in metadata.glob("v*"):
        path.unlink()

    found = only(damaged(warehouse, tmp_path))
    assert "nothing to mend it from is left" in found.message
    assert restore(warehouse, tmp_path) == []


def test_the_backup_of_an_earlier_table_of_that_name_is_not_taken(
    spark: SparkSession, metadata: Path, warehouse: Path, tmp_path: Path
) -> None:
    keep_backup(NAME, warehouse, tmp_path)
    spark.sql(f"drop table {NAME}")
    create(spark)
    truncate(metadata / "v2.metadata.json")

    assert "the newest intact one" in restore(warehouse, tmp_path)[0]
    assert rows(spark) == []


def test_a_damaged_file_never_becomes_the_backup(
    spark: SparkSession, metadata: Path, warehouse: Path, tmp_path: Path
) -> None:
    keep_backup(NAME, warehouse, tmp_path)
    for path in metadata.glob("v*.metadata.json"):
        overwrite(path)
    keep_backup(NAME, warehouse, tmp_path)

    restore(warehouse, tmp_path)
    assert rows(spark) == [1, 2]


def test_compressed_metadata_comes_back_compressed(
    spark: SparkSession, metadata: Path, warehouse: Path, tmp_path: Path
) -> None:
    spark.sql(f"drop table {NAME} purge")
    gzip = "tblproperties ('write.metadata.compression-codec' = 'gzip')"
    spark.sql(f"create table {NAME} using iceberg {gzip} as select 1 as number")
    keep_backup(NAME, warehouse, tmp_path)
    truncate(metadata / "v1.gz.metadata.json")

    assert "version 1, the backup" in only(reported_damage(error_of(spark), warehouse, tmp_path)).message
    restore(warehouse, tmp_path)
    assert rows(spark) == [1]


@pytest.mark.parametrize("damage", [truncate, truncate_without_checksums, overwrite, remove])
@pytest.mark.parametrize("pattern", [MANIFEST_LISTS, "metadata/[!s]*.avro", "data/*.parquet"])
def test_of_a_damaged_part_of_a_table_it_is_told_which_runs_to_take_back(
    spark: SparkSession, metadata: Path, warehouse: Path, tmp_path: Path, pattern: str, damage: Callable[[Path], None]
) -> None:
    newest = max(metadata.parent.glob(pattern), key=lambda path: path.stat().st_mtime_ns)
    damage(newest)

    found = only(reported_damage(error_of(spark), warehouse, tmp_path))
    assert (found.table, found.path) == (NAME, newest)
    assert "`sparkhouse rollback RUN`" in found.message
    assert restore(warehouse, tmp_path) == []
    if pattern == MANIFEST_LISTS and damage is not truncate_without_checksums:
        assert damaged(warehouse, tmp_path) == [found]
    Table(NAME, spark).set_main(Table(NAME, spark).changes[0].snapshot_id)
    assert rows(spark) == [1]


@pytest.mark.usefixtures("metadata")
@pytest.mark.parametrize("query", ["select nothing from marts.t", "select 1 from marts.nothing"])
def test_an_error_about_something_else_tells_of_no_damage(
    spark: SparkSession, warehouse: Path, tmp_path: Path, query: str
) -> None:
    with pytest.raises(AnalysisException) as raised:
        spark.sql(query)
    assert reported_damage(str(raised.value), warehouse, tmp_path) == []


def test_a_damaged_table_of_records_is_begun_anew(tmp_path: Path) -> None:
    error = f"Failed to open file: {tmp_path}/warehouse/monitoring/builds/metadata/snap-1.avro"
    found = only(reported_damage(error, tmp_path / "warehouse", tmp_path))
    assert f"move {tmp_path}/warehouse/monitoring/builds away" in found.message
