"""Logs in an object store: listed, copied by tasks, and known by their URI afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pyarrow.fs import LocalFileSystem, SubTreeFileSystem

from warehouse.landing import file_systems, stores
from warehouse.landing.finding import find_logs
from warehouse.landing.logs import FETCHED, NoSuchLog, identify, printable
from warehouse.landing.stores import StoreUnreachable, fetched, is_stored, named_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SPARK: Any = None
LINE = (
    b'{"ts": 1538352117000, "userId": "1", "page": "Home", "auth": "Logged In", "sessionId": 1, "itemInSession": 0}\n'
)
KEYS = ("bucket/logs/2018/a.json", "bucket/logs/2018/b.json", "bucket/logs/_SUCCESS", "bucket/logs/c.txt")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store whose buckets are folders; tasks are done here."""
    root = tmp_path / "store"
    for number, key in enumerate(KEYS):
        (root / key).parent.mkdir(parents=True, exist_ok=True)
        (root / key).write_bytes(LINE * (number + 1))

    def from_uri(uri: str) -> tuple[SubTreeFileSystem, str]:
        assert uri.startswith("s3://")
        return SubTreeFileSystem(str(root), LocalFileSystem()), uri.removeprefix("s3://")

    def at_once(_: object, function: Callable[[Any, str], Any], parts: Iterable[Any]) -> list[Any]:
        return [function(part, "") for part in parts]

    monkeypatch.setattr(file_systems, "FileSystem", type("Stores", (), {"from_uri": staticmethod(from_uri)}))
    monkeypatch.setattr(stores, "in_tasks", at_once)
    return root


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


def test_a_file_that_cannot_be_copied_is_named_and_nothing_is_left(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_late(_: object, function: Callable[[Any, str], Any], parts: Iterable[Any]) -> list[Any]:
        (store / KEYS[1]).unlink()
        return [function(part, "") for part in parts]

    monkeypatch.setattr(stores, "in_tasks", too_late)
    refused = pytest.raises(StoreUnreachable, match=r"s3a://bucket/logs/2018/b\.json could not be copied .* ingested")
    with refused, fetched(SPARK, ["s3a://bucket/logs"], tmp_path / "landing"):
        pass
    assert not (tmp_path / "landing" / FETCHED).exists()


def test_a_store_that_does_not_answer_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def from_uri(uri: str) -> None:
        raise OSError(f"no such host for {uri}")

    monkeypatch.setattr(file_systems, "FileSystem", type("Stores", (), {"from_uri": staticmethod(from_uri)}))
    refused = pytest.raises(StoreUnreachable, match="s3a://bucket/logs cannot be read: no such host for s3://bucket")
    with refused, fetched(SPARK, ["s3a://bucket/logs"], tmp_path / "landing"):
        pass
