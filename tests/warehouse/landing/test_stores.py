"""Logs in an object store: listed, copied by tasks, and known by their URI afterwards."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import pytest
from object_store import object_store

from warehouse.landing import stores, tasks
from warehouse.landing.file_systems import file_system_of
from warehouse.landing.finding import find_logs
from warehouse.landing.logs import FETCHED, NoSuchLog, identify, printable
from warehouse.landing.stores import StoreUnreachable, fetched, is_stored, named_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from object_store import ObjectStore

SPARK: Any = Mock()
LINE = (
    b'{"ts": 1538352117000, "userId": "1", "page": "Home", "auth": "Logged In", "sessionId": 1, "itemInSession": 0}\n'
)
KEYS = ("bucket/logs/2018/a.json", "bucket/logs/2018/b.json", "bucket/logs/_SUCCESS", "bucket/logs/c.txt")
ODD_KEYS = tuple(
    f"odd/day=2018-10-01 00%3A00/{name}.json" for name in ("ü ñ", "100%", "%41#?", "a[1]", "+ &=;,:@'\"!", "日本")
)


@pytest.fixture(scope="module")
def server() -> Iterator[ObjectStore]:
    with object_store() as started:
        for number, key in enumerate(KEYS):
            started.put(key, LINE * (number + 1))
        for key in ODD_KEYS:
            started.put(key, LINE)
        yield started


@pytest.fixture
def store(server: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    """A store that this machine is led to; tasks are done here."""
    for name, value in server.variables.items():
        monkeypatch.setenv(name, value)

    def at_once(_: object, function: Callable[[Any, str], Any], parts: Iterable[Any]) -> list[Any]:
        return [function(part, "") for part in parts]

    monkeypatch.setattr(stores, "in_tasks", at_once)
    monkeypatch.setattr(tasks, "is_local", lambda _: True)
    return server


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("s3a://bucket/logs", KEYS[:2] + KEYS[3:]),
        ("s3://bucket/logs/", KEYS[:2] + KEYS[3:]),
        ("s3a://bucket/logs/2018/a.json", KEYS[:1]),
        ("s3a://bucket/logs/*/*.json", KEYS[:2]),
        ("s3a://bucket/logs/**/*.json", KEYS[:2]),
        ("s3a://bucket/logs/201?", KEYS[:2]),
    ],
)
@pytest.mark.usefixtures("store")
def test_a_uri_names_a_file_a_folder_or_a_glob(pattern: str, names: tuple[str, ...], tmp_path: Path) -> None:
    scheme = pattern.partition(":")[0]
    with fetched(SPARK, [pattern], tmp_path / "landing") as patterns:
        logs = find_logs(patterns)
        assert [each.source_file for each in identify(logs.paths)] == [f"{scheme}://{name}" for name in names]
        assert [each.byte_count for each in identify(logs.paths)] == [len(LINE) * (KEYS.index(n) + 1) for n in names]
        assert {printable(path) for path in logs.paths} == {f"{scheme}://{name}" for name in names}
        assert named_bytes([pattern]) == sum(each.byte_count for each in identify(logs.paths))
        assert (tmp_path / "landing" / FETCHED).stat().st_mode & 0o077 == 0
    assert not (tmp_path / "landing" / FETCHED).exists()


def test_files_of_this_machine_stay_where_they_are(tmp_path: Path) -> None:
    assert not is_stored(tmp_path / "log.json")
    assert not is_stored("s3a:/log.json")
    with fetched(SPARK, [str(tmp_path / "*.json"), "log.json"], tmp_path) as patterns:
        assert patterns == [str(tmp_path / "*.json"), "log.json"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("store")
def test_what_is_not_there_is_named_by_its_uri(tmp_path: Path) -> None:
    nothing = pytest.raises(NoSuchLog, match="no log file at s3a://bucket/none: name a file")
    with nothing, fetched(SPARK, ["s3a://bucket/none"], tmp_path / "landing"):
        pass


@pytest.mark.usefixtures("store")
def test_on_a_cluster_the_group_may_look_into_copies_if_the_umask_lets_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "is_local", lambda _: False)
    for umask, mode in (("0002", 0o770), ("0022", 0o750), ("0077", 0o700)):
        SPARK.sparkContext.getConf().get.return_value = umask
        with fetched(SPARK, ["s3a://bucket/logs"], tmp_path):
            assert (tmp_path / FETCHED).stat().st_mode & 0o777 == mode


@pytest.mark.usefixtures("store")
def test_a_key_may_have_what_is_no_part_of_a_uri(tmp_path: Path) -> None:
    with fetched(SPARK, ["s3a://odd"], tmp_path / "landing") as patterns:
        found = [each.source_file for each in identify(find_logs(patterns).paths)]
    assert found == sorted(f"s3a://{key}" for key in ODD_KEYS)
    for key in ODD_KEYS:
        if "[" not in key:
            assert named_bytes([f"s3://{key}"]) == len(LINE)


@pytest.mark.parametrize("key", ["x/../../../out.json", "x/./a.json", "x//a.json"])
def test_a_key_that_would_leave_the_folder_of_the_ingest_is_refused(
    store: ObjectStore, key: str, tmp_path: Path
) -> None:
    bucket = f"leaving-{len(key)}"
    store.put(f"{bucket}/{key}", LINE)
    refused = pytest.raises(StoreUnreachable, match=re.escape(f"s3://{bucket}/{key} cannot be copied under its name"))
    with refused, fetched(SPARK, [f"s3://{bucket}"], tmp_path / "landing"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_no_disk_can_have_is_named_and_nothing_is_left(store: ObjectStore, tmp_path: Path) -> None:
    store.put(f"long/{'x' * 300}/a.json", LINE)
    refused = pytest.raises(StoreUnreachable, match=r"no folder can be made for copies: .*x{300}.*nothing was ingested")
    with refused, fetched(SPARK, ["s3a://long"], tmp_path / "landing"):
        pass
    assert not (tmp_path / "landing" / FETCHED).exists()


def test_a_file_that_cannot_be_copied_is_named_and_nothing_is_left(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put("changing/a.json", LINE)

    def too_late(_: object, function: Callable[[Any, str], Any], parts: Iterable[Any]) -> list[Any]:
        files, path = file_system_of("s3://changing/a.json")
        files.delete_file(path)
        return [function(part, "") for part in parts]

    monkeypatch.setattr(stores, "in_tasks", too_late)
    refused = pytest.raises(StoreUnreachable, match=r"s3a://changing/a\.json could not be copied .* ingested")
    with refused, fetched(SPARK, ["s3a://changing"], tmp_path / "landing"):
        pass
    assert not (tmp_path / "landing" / FETCHED).exists()


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("s3a://bucket/logs", "s3a://bucket/logs cannot be read: .*bucket"),
        ("s3://no such bucket/logs", "s3://no such bucket/logs cannot be read: .*URI"),
    ],
)
def test_a_store_that_does_not_answer_is_told(
    uri: str, told: str, store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert store
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    refused = pytest.raises(StoreUnreachable, match=told)
    with refused, fetched(SPARK, [uri], tmp_path / "landing"):
        pass
