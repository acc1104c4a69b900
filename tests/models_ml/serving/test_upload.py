"""The page that takes a log: what it answers, what it refuses, and that hostile text stays text."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from uploaded import HOSTILE, READ, reads

from models_ml.portable.calibration import CalibrationBand, PlattScaling
from models_ml.portable.encoder import Encoder
from models_ml.portable.linear import LinearScorer
from models_ml.portable.model import PortableModel
from models_ml.serving.app import create_app
from models_ml.serving.contents import Publication
from models_ml.serving.store_file import write_store
from models_ml.serving.uploads.downloads import MOST_KEPT, Downloads
from models_ml.serving.uploads.reading import ReadUpload, UnreadableUpload
from models_ml.serving.web.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from models_ml.serving.uploads.reading import ReadLog, SaveTo


def champion() -> PortableModel:
    """More risk by each day of silence and each advert."""
    usual = {"days_since_last_event": 2.0, "advert_count_7d": 3.0}
    encoder = Encoder(medians=usual, missing=(), levels={"level": ("free", "paid")}, rates=(), behaviour=None)
    names = list(encoder.elements)
    weights = np.array([{"level": 0.5}.get(name.partition("=")[0], 0.2) for name in names])
    scorer = LinearScorer(weights, -2.0, np.zeros(len(names)), np.ones(len(names)))
    band = CalibrationBand(PlattScaling(1.0, 0.0), (0.0,), (0.1,), (0.1,))
    return PortableModel(
        label="churned_in_time_bin",
        horizon_days=14,
        algorithm="logistic_regression",
        encoder=encoder,
        indices=tuple(range(len(names))),
        scorer=scorer,
        band=band,
        threshold=0.4,
        usual=usual,
    )


def stored(folder: Path, model: str | None) -> Path:
    snapshots = pd.DataFrame(
        {
            "user_id": ["1", "2"],
            "as_of_date": ["2018-10-01"] * 2,
            "is_newest": [1, 1],
            "features": [
                '{"level": "free", "days_since_last_event": 1, "advert_count_7d": 1}',
                '{"level": "paid", "days_since_last_event": 1, "advert_count_7d": 1}',
            ],
        }
    )
    publication = Publication(
        "1", "2018-12-01T00:00:00Z", "2018-12-01T00:00:01.000000Z", "churned_in_time_bin", 14, model and "v1", model
    )
    write_store(folder, publication, {"snapshots": snapshots})
    return folder


def client_of(
    folder: Path,
    read_log: ReadLog | None,
    *,
    model: bool = True,
    **settings: Any,  # noqa: ANN401 - any setting
) -> FlaskClient:
    text = champion().to_json() if model else None
    return create_app(replace(Settings(stored(folder, text), folder), **settings), read_log).test_client()


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    return client_of(tmp_path, reads)


def sent(client: FlaskClient, content: bytes = b"{}", name: str = "a.json", **fields: str) -> TestResponse:
    page = client.get("/upload").get_data(as_text=True)
    found = re.search('data-csrf="([^"]+)"', page)
    assert found
    data: dict[str, Any] = {"csrf_token": found[1], **fields, "file": (io.BytesIO(content), name)}
    return client.post("/upload", data=data)


def rows_of(client: FlaskClient, page: TestResponse) -> list[dict[str, str]]:
    link = re.search(r'href="(/upload/[^"]+\.csv)"', page.get_data(as_text=True))
    assert link
    answer = client.get(link[1])
    assert answer.mimetype == "text/csv"
    assert "attachment" in answer.headers["Content-Disposition"]
    return list(csv.DictReader(io.StringIO(answer.get_data(as_text=True))))


def test_users_stand_by_risk_on_the_page_and_in_the_csv(client: FlaskClient) -> None:
    page = sent(client)
    assert page.status_code == HTTPStatus.OK
    highest, lowest = rows_of(client, page)
    assert (highest["user_id"], lowest["user_id"]) == (f"'{HOSTILE}", "7")
    assert float(highest["probability_low"]) < float(highest["probability"]) < float(highest["probability_high"])
    assert (highest["is_called"], lowest["is_called"]) == ("1", "0")
    assert highest["reason_1"]


def test_what_a_log_does_not_tell_is_said_with_what_stands_in(client: FlaskClient) -> None:
    assert "The champion also reads 1 feature that an upload does not give" in " ".join(
        sent(client).get_data(as_text=True).split()
    )


def test_text_of_the_log_is_never_markup(client: FlaskClient) -> None:
    text = sent(client).get_data(as_text=True)
    assert "<script>alert" not in text
    assert text.count("&lt;script&gt;alert(1)") == 3


@pytest.mark.parametrize(
    "as_of", ["yesterday", "2018-13-01", "20181001", "=1+1", "x" * 10_000, "2018-W40-1", "</script>"]
)
def test_a_date_that_is_none_is_told_beside_its_field(client: FlaskClient, as_of: str) -> None:
    answer = sent(client, as_of=as_of)
    text = answer.get_data(as_text=True)
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert 'id="as_of-error" role="alert"' in text
    assert len(text) < 5000


def test_a_form_without_a_file_is_told_so(client: FlaskClient) -> None:
    answer = sent(client, name="")
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "Choose a file" in answer.get_data(as_text=True)


def test_a_refusal_of_the_reader_is_told_in_the_form_with_its_status(tmp_path: Path) -> None:
    def refuses(*_: object) -> ReadUpload:
        raise UnreadableUpload(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"This is {HOSTILE}.")

    answer = sent(client_of(tmp_path, refuses), as_of="2018-10-02")
    text = answer.get_data(as_text=True)
    assert answer.status_code == HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    assert "<script>alert" not in text
    assert 'value="2018-10-02"' in text


def test_a_log_without_members_gives_an_empty_answer(tmp_path: Path) -> None:
    answer = sent(client_of(tmp_path, lambda *_: replace(READ, users={})))
    assert answer.status_code == HTTPStatus.OK
    assert "Nobody is a member at that date" in answer.get_data(as_text=True)


def test_the_reader_is_asked_for_what_the_champion_reads(tmp_path: Path) -> None:
    asked = dict[str, object]()

    def reads_what(save_to: SaveTo, as_of: str | None, wanted: tuple[str, ...]) -> ReadUpload:
        save_to(tmp_path / "saved")
        asked.update(as_of=as_of, wanted=set(wanted), content=(tmp_path / "saved").read_bytes())
        return READ

    sent(client_of(tmp_path, reads_what), b"the log", "../../etc/passwd", as_of="2018-10-02")
    assert asked == {
        "as_of": "2018-10-02",
        "wanted": {"days_since_last_event", "advert_count_7d", "level"},
        "content": b"the log",
    }


def test_a_server_that_takes_nothing_in_refuses(tmp_path: Path) -> None:
    client = client_of(tmp_path, reads, read_only=True)
    assert "<form" not in client.get("/upload").get_data(as_text=True)
    assert sent(client).status_code == HTTPStatus.FORBIDDEN


def test_a_server_without_a_reader_or_a_champion_says_so(tmp_path: Path) -> None:
    assert sent(client_of(tmp_path / "a", None)).status_code == HTTPStatus.NOT_IMPLEMENTED
    answer = sent(client_of(tmp_path / "b", reads, model=False))
    assert answer.status_code == HTTPStatus.CONFLICT
    assert "There is no champion yet" in answer.get_data(as_text=True)


def test_a_form_of_another_site_and_more_bytes_than_may_be_are_refused(tmp_path: Path) -> None:
    client = client_of(tmp_path, reads, most_bytes=2000)
    assert client.post("/upload", data={"file": (io.BytesIO(b"{}"), "a")}).status_code == HTTPStatus.FORBIDDEN
    assert sent(client, b"x" * 3000).status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


def test_uploads_are_few_in_a_minute(client: FlaskClient) -> None:
    statuses = [sent(client).status_code for _ in range(8)]
    assert statuses == [HTTPStatus.OK] * 6 + [HTTPStatus.TOO_MANY_REQUESTS] * 2


def test_a_download_is_known_by_its_key_alone_and_forgotten_in_time(client: FlaskClient) -> None:
    for key in ("x", "..%2f..%2fetc%2fpasswd", "' or 1=1"):
        assert client.get(f"/upload/{key}.csv").status_code == HTTPStatus.NOT_FOUND
    downloads = Downloads()
    keys = [downloads.put(str(number)) for number in range(MOST_KEPT + 1)]
    assert [downloads.get(key) for key in keys] == [None, "1", "2", "3", "4"]
    short = Downloads(seconds=-1.0)
    assert short.get(short.put("gone")) is None
