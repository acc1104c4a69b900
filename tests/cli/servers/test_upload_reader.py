"""Uploaded logs: read as ingest reads them, in a process of their own, within limits, and nothing kept of any."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import json
import random
import threading
import zipfile
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest

from cli.servers.upload_reader import UploadReader
from models_ml.serving.uploads.reading import UnreadableUpload

if TYPE_CHECKING:
    from pathlib import Path

    from models_ml.serving.uploads.reading import ReadUpload

DAY = 86_400_000
START = 17_805 * DAY  # 2018-10-01
WANTED = ("level", "song_count_lifetime", "days_observed")


def event(user: str = "7", **other: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    return {
        "ts": START + 1000,
        "userId": user,
        "sessionId": 1,
        "page": "NextSong",
        "level": "paid",
        "itemInSession": 0,
        "registration": START - 3 * DAY,
        "firstName": "Gertrude",
        "lastName": "Zzyzx",
    } | other


def log(*events: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in events)


SMALL = log(event(), event(itemInSession=1, ts=START + 2000), event(user="8", sessionId=2, level="free"))


def zipped(**members: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return target.getvalue()


def read(folder: Path, content: bytes, as_of: str | None = None) -> ReadUpload:
    """What is read of some bytes; whatever comes of it, the folder is empty afterwards."""
    try:
        return UploadReader(folder)(lambda path: path.write_bytes(content), as_of, WANTED)
    finally:
        assert list(folder.iterdir()) == []


def refusal(folder: Path, content: bytes, as_of: str | None = None) -> UnreadableUpload:
    with pytest.raises(UnreadableUpload) as refused:
        read(folder, content, as_of)
    return refused.value


def test_a_log_gives_the_features_of_its_members(tmp_path: Path) -> None:
    found = read(tmp_path, SMALL)
    assert (found.lines, found.accepted, found.refused, found.of_users, found.repeated) == (3, 3, 0, 3, 0)
    assert (found.as_of_date, found.observed_from) == ("2018-10-02", "2018-10-01")
    assert found.users["7"] == {"song_count_lifetime": 2, "level": "paid", "days_observed": 86_399 / 86_400}
    assert found.users["8"]["level"] == "free"


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(SMALL),
        bz2.compress(SMALL),
        zipped(**{"a.json": SMALL}),
        gzip.compress(gzip.compress(SMALL)),
        b"\xef\xbb\xbf" + SMALL,
        SMALL.decode().encode("utf-16"),
        SMALL.replace(b"\n", b"\r\n"),
        json.dumps([json.loads(line) for line in SMALL.splitlines()], indent=1).encode(),
    ],
    ids=["gzip", "bzip2", "zip", "twice", "byte order mark", "utf-16", "windows", "array"],
)
def test_each_form_that_ingest_takes_says_the_same(tmp_path: Path, content: bytes) -> None:
    assert read(tmp_path, content) == read(tmp_path, SMALL)


def test_refused_lines_are_told_by_reason_and_number_and_no_name_is(tmp_path: Path) -> None:
    bad = [b"not json", json.dumps({"ts": "x", "lastName": "Zzyzx"}).encode(), b"", b"not json"]
    found = read(tmp_path, SMALL + b"\n".join(bad) + b"\n" + SMALL)
    assert (found.lines, found.accepted, found.refused, found.blank, found.repeated) == (10, 6, 3, 1, 3)
    first = found.reasons[0]
    assert (first.reason, first.count, first.first_lines) == ("not json", 2, (4, 7))
    assert {each.reason for each in found.reasons} == {
        "not json",
        "wrong type: ts",
        "missing sessionId",
        "missing page",
    }
    assert "Zzyzx" not in repr(found)
    assert "Gertrude" not in repr(found)


def test_guests_and_pages_that_nobody_knows_are_nobody_to_score(tmp_path: Path) -> None:
    refused = refusal(tmp_path, log(event(registration=None), event(user=""), event(page="A new page")))
    assert refused.status == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "nobody to score" in str(refused)


def test_an_archive_that_breaks_off_gives_the_lines_that_it_has(tmp_path: Path) -> None:
    many = log(*(event(itemInSession=item, song=hashlib.sha256(b"%d" % item).hexdigest()) for item in range(2000)))
    packed = gzip.compress(many)
    found = read(tmp_path, packed[: len(packed) // 2])
    assert 0 < found.accepted < 2000
    assert [each.reason for each in found.reasons] == ["archive broken off"]


@pytest.mark.parametrize(
    ("content", "status", "said"),
    [
        (b"", HTTPStatus.UNPROCESSABLE_ENTITY, "The file is empty"),
        (b" \n\n", HTTPStatus.UNPROCESSABLE_ENTITY, "The file is empty"),
        (b"\0" * 5000, HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unknown form"),
        (b"%PDF-1.7", HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "a PDF"),
        (b"<html></html>", HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "a web page"),
        (b"x" * 10_000_000, HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "text that is no log"),
        (b'{"ts": "' + b"x" * 10_000_000, HTTPStatus.UNPROCESSABLE_ENTITY, "not json"),
        (b'{"ts": "' + b"x" * 20_000_000, HTTPStatus.UNPROCESSABLE_ENTITY, "line too long"),
        (b'{"ts": 1}', HTTPStatus.UNPROCESSABLE_ENTITY, "None of the 1 lines is an event"),
        (zipped(**{"\u202e<script>.txt": b"no"}), HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "an archive without a log"),
        (gzip.compress(b"\0" * 50_000_000), HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "unpacks to more than 100 times"),
        (
            zipped(**{"a.json": b'{"ts": 1}\n' * 5_000_000}),
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "unpacks to more than 100 times",
        ),
    ],
    ids=[
        "empty",
        "blank",
        "zeros",
        "pdf",
        "page",
        "long text",
        "long line",
        "too long line",
        "no event",
        "no log",
        "bomb",
        "zip bomb",
    ],
)
def test_what_is_no_log_is_refused_in_words(tmp_path: Path, content: bytes, status: HTTPStatus, said: str) -> None:
    refused = refusal(tmp_path, content)
    assert refused.status == status
    assert said in str(refused)
    assert "\u202e" not in str(refused)
    assert len(str(refused)) < 400


def test_archives_in_archives_have_an_end(tmp_path: Path) -> None:
    packed = SMALL
    for _ in range(6):
        packed = gzip.compress(packed)
    assert "an archive in archives" in str(refusal(tmp_path, packed))


def test_a_member_of_an_archive_leads_to_no_path(tmp_path: Path) -> None:
    found = read(tmp_path, zipped(**{"a/../../../escaped.json": SMALL, "/note.txt": b"a note"}))
    assert found.accepted == 3
    assert found.left_out == (("/note.txt", "text that is no log"),)
    assert not (tmp_path.parent / "escaped.json").exists()


@pytest.mark.parametrize("as_of", ["2018-10-01", "2018-10-03", "0001-01-01", "9999-12-31"])
def test_a_date_that_the_log_does_not_reach_is_refused_with_those_that_it_does(tmp_path: Path, as_of: str) -> None:
    refused = refusal(tmp_path, SMALL, as_of)
    assert refused.status == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "from 2018-10-02 to 2018-10-02" in str(refused)


def test_one_upload_is_read_at_a_time(tmp_path: Path) -> None:
    reader = UploadReader(tmp_path)
    is_saving, may_go_on = threading.Event(), threading.Event()

    def slowly(path: Path) -> None:
        is_saving.set()
        may_go_on.wait(10)
        path.write_bytes(SMALL)

    first = threading.Thread(target=reader, args=(slowly, None, WANTED))
    first.start()
    assert is_saving.wait(10)
    with pytest.raises(UnreadableUpload, match="Another upload") as refused:
        reader(lambda path: path.write_bytes(SMALL), None, WANTED)
    may_go_on.set()
    first.join()
    assert refused.value.status == HTTPStatus.SERVICE_UNAVAILABLE
    assert reader(lambda path: path.write_bytes(SMALL), None, WANTED).accepted == 3


def test_a_log_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(UnreadableUpload, match="could not be read in"):
        UploadReader(tmp_path, most_seconds=0.01)(lambda path: path.write_bytes(SMALL), None, WANTED)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_kept_where_saving_fails(tmp_path: Path) -> None:
    def fail(path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        UploadReader(tmp_path)(fail, None, WANTED)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("seed", range(12))
def test_damaged_uploads_are_read_or_refused(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    content = bytearray(chance.choice([SMALL * 20, gzip.compress(SMALL * 20), zipped(**{"a.json": SMALL * 20})]))
    for _ in range(chance.randint(1, 30)):
        content[chance.randrange(len(content))] = chance.randrange(256)
    content = content[: chance.randint(1, len(content))]
    with suppress(UnreadableUpload):
        found = read(tmp_path, bytes(content))
        assert found.lines == found.accepted + found.refused + found.blank
