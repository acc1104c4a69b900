"""Java starts from the archive of classes that `make setup` made, and works the same without."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from cli.machine.environment import SPARK_CONF
from cli.spark import class_archive
from cli.spark.class_archive import FOLDER, archive, archive_options, name_of, why_unfit

if TYPE_CHECKING:
    from pathlib import Path

    from cli.machine.home import Home

START = """
import sys
from pathlib import Path
from cli.machine.home import Home
from cli.spark import class_archive, session

class_archive.FOLDER = Path(sys.argv[1])
Home.from_environment()
spark = session.start_spark()
print(spark.sql("select 1 + 1 as two").first().two)
"""
FROM_ARCHIVE = "source: shared objects file"
# A bare Java loads some 450 classes; a session, 13,000.
MOST = 5_000


def started(folder: Path, tmp_path: Path) -> tuple[str, int]:
    """What a session prints that looks for the archive in a folder, and how many of its classes came from there."""
    log = tmp_path / "classes.log"
    settings = {"SPARKHOUSE_HOME": str(tmp_path / "home"), "SPARK_SUBMIT_OPTS": f"-Xlog:class+load:file={log}"}
    ended = subprocess.run(
        [sys.executable, "-c", START, str(folder)],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return ended.stdout + ended.stderr, sum(FROM_ARCHIVE in line for line in log.open())


def made() -> Path:
    found = archive()
    assert found, "`make archive` makes it"
    return found


@pytest.mark.java
def test_a_session_loads_its_classes_from_the_archive(tmp_path: Path) -> None:
    made()
    printed, from_archive = started(FOLDER, tmp_path)
    assert printed == "2\n"
    assert from_archive > MOST


@pytest.mark.java
def test_a_damaged_archive_changes_nothing_but_the_time(tmp_path: Path) -> None:
    content = bytearray(made().read_bytes())
    content[len(content) // 2] ^= 0xFF
    (tmp_path / made().name).write_bytes(content)
    assert started(tmp_path, tmp_path) == ("2\n", 0)


@pytest.mark.java
def test_an_archive_that_was_cut_short_is_not_shown_to_java(tmp_path: Path) -> None:
    content = made().read_bytes()
    (tmp_path / made().name).write_bytes(content[: len(content) // 2])
    printed, from_archive = started(tmp_path, tmp_path)
    assert printed == "2\n"
    assert from_archive < MOST


@pytest.mark.java
def test_the_doctor_asks_java_itself_whether_the_archive_fits(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    made()
    assert why_unfit(os.environ) is None
    assert not list(SPARK_CONF.iterdir()), "Java takes no archive with a folder on its class path that holds anything"
    monkeypatch.setenv("SPARK_DIST_CLASSPATH", str(home.path / "another.jar"))
    assert why_unfit(os.environ) == "made by another Java, or of other jars"


@pytest.mark.parametrize("content", [b"", b"abc", b"abcde"])
def test_only_a_file_as_long_as_its_name_says_is_an_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.setattr(class_archive, "FOLDER", tmp_path)
    assert archive_options() == []
    (tmp_path / name_of(4)).write_bytes(content)
    assert archive_options() == []
    (tmp_path / name_of(4)).write_bytes(b"abcd")
    assert archive() == tmp_path / name_of(4)
    assert archive_options()[0] == f"-XX:SharedArchiveFile={tmp_path / name_of(4)}"
