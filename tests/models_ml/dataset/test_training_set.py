"""Training sets as files: the same bytes again, also when the log and the warehouse have moved on."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from cli.app import main
from cli.jobs import building, landing, modelling, publishing
from cli.jobs.workspace import Workspace
from cli.runs.steps import Steps
from models_ml.dataset import training_file
from models_ml.dataset.builds import build_known_at
from models_ml.dataset.training_file import TrainingFileSpec, write_training_file
from models_ml.errors import (
    EmptyRange,
    IngestedLater,
    MissingTable,
    NoBuildYet,
    NoKnownSnapshot,
    SnapshotExpired,
    UnknownLabel,
    UnwritableFile,
)
from warehouse.landing.simulator import SimulationSpec, simulate
from warehouse.publishing.journal import utc_moment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pyspark.sql import SparkSession

    from cli.machine.home import Home

LABEL = "churned_in_time_bin"
UTC = timezone.utc
# A day more, and the horizon of the second snapshot has ended: daily files are whole dates.
FIRST_DAYS = 27
KNOWN = [date(2018, 10, 8), date(2018, 10, 15)]
MODELS_ONLY = ("--exclude-resource-type", "test")


@dataclass(frozen=True)
class Past:
    """A warehouse that was built on 27 days and again on a day more and a late file; what was written in between."""

    workspace: Workspace
    parquet: bytes
    csv: bytes
    known_at: datetime

    @property
    def spark(self) -> SparkSession:
        return self.workspace.spark


def write(workspace: Workspace, out: Path, **options: Any) -> bytes:  # noqa: ANN401 - the options of a TrainingFileSpec
    modelling.write_training_set(workspace, TrainingFileSpec(LABEL, out, **options))
    return out.read_bytes()


def late_file(log: Path) -> Path:
    """Songs of the third day that the log had not told of: a copy of each, half a second later."""
    songs = [json.loads(line) for line in (log / "events-2018-10-03.json").read_text().splitlines()]
    late = [{**event, "ts": event["ts"] + 500} for event in songs if event["page"] == "NextSong"]
    path = log / "late.json"
    path.write_text("".join(json.dumps(event) + "\n" for event in late))
    return path


@pytest.fixture(scope="module")
def past(empty_warehouse: SparkSession, home: Home, tmp_path_factory: pytest.TempPathFactory) -> Past:
    folder = tmp_path_factory.mktemp("past")
    days = simulate(SimulationSpec(users=12, days=FIRST_DAYS + 1, ids="random"), folder / "log", by_day=True).paths
    workspace = published(Workspace(empty_warehouse, home, Steps(quiet=True, run_id="first")), days[:FIRST_DAYS])
    parquet, csv = write(workspace, folder / "set.parquet"), write(workspace, folder / "set.csv")
    known_at = datetime.now(UTC)
    later = [days[FIRST_DAYS], late_file(folder / "log")]
    published(Workspace(empty_warehouse, home, Steps(quiet=True, run_id="second")), later)
    return Past(workspace, parquet, csv, known_at)


def published(workspace: Workspace, logs: Sequence[Path]) -> Workspace:
    """The workspace, when it has built on these logs too."""
    with publishing.on_branch(workspace):
        landing.ingest(workspace, logs)
        building.build(workspace, *MODELS_ONLY)
        publishing.publish(workspace)
    return workspace


# A past training set


def test_a_training_set_comes_back_byte_for_byte_after_late_events_and_a_new_build(past: Past, tmp_path: Path) -> None:
    for name, saved in (("again.parquet", past.parquet), ("again.csv", past.csv)):
        assert write(past.workspace, tmp_path / name, known_at=past.known_at) == saved
        assert write(past.workspace, tmp_path / name) != saved


def test_a_training_set_is_of_the_published_state(past: Past, tmp_path: Path) -> None:
    """As while a publication is under way: features and labels are those before it, though newer ones are there."""
    published = build_known_at(past.spark, past.known_at).table_snapshot_ids
    write_training_file(past.spark, TrainingFileSpec(LABEL, tmp_path / "set.csv"), published)
    assert (tmp_path / "set.csv").read_bytes() == past.csv


def test_columns_that_came_or_went_later_change_no_past_training_set(past: Past, tmp_path: Path) -> None:
    past.spark.sql("alter table marts.fct_user_features add column a_new_feature double")
    past.spark.sql("alter table marts.fct_user_features rename column song_count_7d to a_renamed_feature")
    assert write(past.workspace, tmp_path / "again.csv", known_at=past.known_at) == past.csv
    past.spark.sql("alter table marts.fct_user_features rename column a_renamed_feature to song_count_7d")
    past.spark.sql("alter table marts.fct_user_features drop column a_new_feature")


def test_late_events_change_features_and_a_day_more_makes_labels_known(past: Past, tmp_path: Path) -> None:
    then, now = tmp_path / "then.parquet", tmp_path / "now.parquet"
    then.write_bytes(past.parquet)
    write(past.workspace, now)
    before, after = pd.read_parquet(then), pd.read_parquet(now)
    assert sorted(before.as_of_date.unique()) == KNOWN[:1]
    assert sorted(after.as_of_date.unique()) == KNOWN
    both = before.merge(after, on=["user_id", "as_of_date"], suffixes=("", "_after"))
    assert (both.song_count_14d_after > both.song_count_14d).any()


def test_a_file_holds_keys_all_features_and_the_label_in_order(past: Past, tmp_path: Path) -> None:
    path = tmp_path / "set.parquet"
    path.write_bytes(past.parquet)
    table = pa.parquet.read_table(path)
    features = [name for name, kind in past.spark.table("marts.fct_user_features").dtypes if kind != "timestamp"]
    assert table.column_names == [*features, LABEL]
    assert table.column_names[:2] == ["user_id", "as_of_date"]
    keys = table.select(["as_of_date", "user_id"]).to_pandas()
    assert keys.equals(keys.sort_values(["user_id", "as_of_date"], ignore_index=True))
    assert table[LABEL].null_count == 0


def test_csv_and_parquet_hold_the_same_numbers(past: Past, tmp_path: Path) -> None:
    parquet, csv = tmp_path / "set.parquet", tmp_path / "set.csv"
    parquet.write_bytes(past.parquet)
    csv.write_bytes(past.csv)
    kinds = {"user_id": "string", "level": "string"}
    read = pd.read_csv(csv, float_precision="round_trip", dtype=kinds)
    assert read.columns.tolist() == pd.read_parquet(parquet).columns.tolist()
    wanted = pd.read_parquet(parquet).select_dtypes("number").astype("float64")
    pd.testing.assert_frame_equal(read[wanted.columns].astype("float64"), wanted, check_exact=True)


def test_the_command_reads_a_moment_of_another_zone(
    past: Past, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out, existing = tmp_path / "set.csv", past.known_at.astimezone(timezone(timedelta(hours=9)))
    arguments = ["--out", str(out), "--as-known-at", existing.isoformat(), "--to", "2018-10-31"]
    monkeypatch.setattr(sys, "argv", ["sparkhouse", "training-set", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code, capsys.readouterr().err
    assert out.read_bytes() == past.csv


def test_a_moment_between_two_commits_of_a_build_sees_the_build_before(past: Past) -> None:
    commits = [
        past.spark.table(f"{table}.snapshots").agg({"committed_at": "max"}).collect()[0][0].astimezone(UTC)
        for table in ("staging.stg_sparkify__events", "marts.fct_user_features", "marts.fct_churn_labels")
    ]
    first = build_known_at(past.spark, past.known_at)
    second = build_known_at(past.spark, datetime.now(UTC))
    assert first.completed_at < min(commits) < max(commits) <= second.completed_at
    for moment in (*commits, second.completed_at - timedelta(microseconds=1)):
        assert build_known_at(past.spark, moment) == first


def test_a_build_knows_its_tables_and_its_newest_line(past: Past) -> None:
    first, second = build_known_at(past.spark, past.known_at), build_known_at(past.spark, datetime.now(UTC))
    assert {"staging.stg_sparkify__events", "intermediate.int_user_days", "marts.dim_users"} <= set(
        second.table_snapshot_ids
    )
    for build, known in ((first, past.known_at), (second, second.completed_at)):
        newest = past.spark.table("raw.events").where(f"ingested_at <= timestamp'{known.isoformat()}'")
        assert newest.agg({"ingested_at": "max"}).collect()[0][0].astimezone(UTC) == build.newest_ingested_at


# What cannot be written


def test_a_moment_before_the_first_build_is_told_when_that_was(past: Past, tmp_path: Path) -> None:
    first = build_known_at(past.spark, past.known_at)
    with pytest.raises(NoBuildYet, match=f"the first was complete at {first.completed_at.isoformat()[:19]}"):
        write(past.workspace, tmp_path / "set.csv", known_at=first.completed_at - timedelta(microseconds=1))


def test_a_range_without_a_known_snapshot_is_told_what_is_known(past: Past, tmp_path: Path) -> None:
    with pytest.raises(NoKnownSnapshot, match=r"from 2018-10-16 to the last.*known are 2018-10-08 to 2018-10-15"):
        write(past.workspace, tmp_path / "set.csv", first=date(2018, 10, 16))
    assert list(tmp_path.iterdir()) == []


def test_a_build_that_holds_later_lines_is_not_read(past: Past, tmp_path: Path) -> None:
    columns = "build_id, completed_at, newest_ingested_at, table_snapshot_ids"
    past.spark.sql(
        f"insert into monitoring.builds ({columns}) values"
        " ('early', timestamp'2001-01-01', timestamp'2001-01-03', map('marts.fct_user_features', 1))"
    )
    with pytest.raises(IngestedLater, match="lines ingested at 2001-01-03"):
        write(past.workspace, tmp_path / "set.csv", known_at=datetime(2001, 1, 2, tzinfo=UTC))
    past.spark.sql("delete from monitoring.builds where build_id = 'early'")


def test_a_state_that_iceberg_no_longer_keeps_is_named(past: Past, tmp_path: Path) -> None:
    now = past.spark.sql("select date_format(current_timestamp(), 'yyyy-MM-dd HH:mm:ss.SSS')").collect()[0][0]
    past.spark.sql(f"call system.expire_snapshots('marts.fct_churn_labels', timestamp'{now}', 1)")
    with pytest.raises(SnapshotExpired, match=r"marts.fct_churn_labels at snapshot \d+ has been expired"):
        write(past.workspace, tmp_path / "set.csv", known_at=past.known_at)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("label", "name", "dates", "error", "message"),
    [
        ("will_win", "set.csv", None, UnknownLabel, "choose one of churned_in_time_bin"),
        ("will_lapse", "set.xlsx", None, UnwritableFile, "has to end in .parquet or .csv"),
        ("will_lapse", "nowhere/set.csv", None, UnwritableFile, "make it first"),
        ("will_lapse", "folder.csv", None, UnwritableFile, "name a file"),
        ("will_lapse", "set.csv", (KNOWN[1], KNOWN[0]), EmptyRange, "give the earlier date first"),
    ],
)
def test_bad_input_is_refused_before_anything_starts(
    tmp_path: Path, label: str, name: str, dates: tuple[date, date] | None, error: type[Exception], message: str
) -> None:
    (tmp_path / "folder.csv").mkdir()
    first, last = dates or (None, None)
    with pytest.raises(error, match=message):
        TrainingFileSpec(label, tmp_path / name, first, last)


def test_a_warehouse_that_was_never_built_is_named(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models_ml.tables.FEATURES", "marts.fct_never_built")
    with pytest.raises(MissingTable, match="run `sparkhouse build` first"):
        write_training_file(spark, TrainingFileSpec(LABEL, tmp_path / "set.csv"))


# The parts


@pytest.mark.parametrize(
    "text", ["2018-10-01T02:00:00+02:00", "2018-10-01T00:00:00Z", "2018-10-01 00:00", "2018-10-01"]
)
def test_a_moment_without_a_zone_is_utc_and_any_other_is_converted(text: str) -> None:
    assert utc_moment(text) == datetime(2018, 10, 1, tzinfo=UTC)
    assert utc_moment(text).tzinfo == UTC


@pytest.mark.parametrize("sizes", [[25], [3, 0, 12, 10], [10, 10, 5], [1] * 25])
def test_pieces_of_any_size_become_the_same_groups(monkeypatch: pytest.MonkeyPatch, sizes: list[int]) -> None:
    monkeypatch.setattr(training_file, "ROW_GROUP", 10)
    numbers, begins = pa.table({"number": range(25)}), [sum(sizes[:place]) for place in range(len(sizes))]
    pieces = [numbers.slice(begin, size) for begin, size in zip(begins, sizes, strict=True)]
    groups = list(training_file.row_groups(pieces))
    assert [group.num_rows for group in groups] == [10, 10, 5]
    assert pa.concat_tables(groups).equals(numbers)


def test_a_write_that_breaks_off_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    out = tmp_path / "set.csv"
    out.write_text("old")

    def write_half() -> None:
        with training_file.appearing(out) as partial:
            partial.write_text("ne")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_half()
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("set.csv", "old")]
