"""The risk of the users of an uploaded log, by the champion."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import numpy as np

from models_ml.serving.answers.champion import champion_of
from models_ml.serving.answers.stand_ins import others
from models_ml.serving.scoring import filled_score, inputs_of, scores
from models_ml.serving.web.problems import Problem
from warehouse.contract.cells import defused_cells

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models_ml.portable.model import PortableModel
    from models_ml.portable.rate import Columns
    from models_ml.serving.scoring import Score
    from models_ml.serving.store import Store
    from models_ml.serving.uploads.reading import Features, ReadLog, ReadUpload, SaveTo

# Rows that stand in for what a log does not tell: of few users many each, of many users fewer.
MOST_STAND_INS, LEAST_STAND_INS = 200_000, 40
MOST_FILLED = MOST_STAND_INS // LEAST_STAND_INS
COLUMNS = ("user_id", "as_of_date", "model_version", "probability", "probability_low", "probability_high", "is_called")


@dataclass(frozen=True)
class UserRisk:
    """One user of the log, with the champion's answer."""

    user_id: str
    score: Score


@dataclass(frozen=True)
class UploadAnswer:
    """What was read and who is at risk, the highest first.

    `not_computed` are features that the champion reads and an upload does not give: other users' values stand in.
    """

    read: ReadUpload
    users: tuple[UserRisk, ...]
    not_computed: tuple[str, ...]
    model_version: str
    label: str
    threshold: float
    horizon_days: int

    @property
    def called(self) -> int:
        """How many users the champion calls."""
        return sum(user.score.is_predicted for user in self.users)


def score_upload(store: Store, read_log: ReadLog, save_to: SaveTo, as_of: str | None) -> UploadAnswer:
    """Read a log and score its members at the start of a date, None for its end.

    Raises Problem where there is no champion, UnreadableUpload where there is no log to score.
    """
    model, version = champion_of(store), str(store.publication.model_version)
    read = read_log(save_to, as_of, inputs_of(model))
    computed = set().union(*read.users.values())
    missing = tuple(name for name in inputs_of(model) if name not in computed)
    rows = list(read.users.values())
    found = _filled(store, model, rows, missing) if missing and rows else scores(model, rows)
    users = [UserRisk(user_id, score) for user_id, score in zip(read.users, found, strict=True)]
    users.sort(key=lambda user: (-user.score.probability, user.user_id))
    return UploadAnswer(read, tuple(users), missing, version, model.label, model.threshold, model.horizon_days)


def as_csv(answer: UploadAnswer) -> str:
    """All users as CSV with a line of column names; no cell is a formula."""
    most = max((len(user.score.reasons) for user in answer.users), default=0)
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([*COLUMNS, *(f"reason_{place}" for place in range(1, most + 1))])
    for user in answer.users:
        score = user.score
        cells = (user.user_id, answer.read.as_of_date, answer.model_version, score.probability, score.low, score.high)
        writer.writerow(defused_cells((*cells, int(score.is_predicted), *score.reasons)))
    return text.getvalue()


def _filled(store: Store, model: PortableModel, rows: list[Features], missing: tuple[str, ...]) -> list[Score]:
    """Score rows that lack some inputs: other users' values stand in for those."""
    if len(rows) > MOST_FILLED:
        raise Problem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "The champion reads features that an upload does not give, and other users stand in for them: that is "
            f"done for {MOST_FILLED:,} users at most, and the log has {len(rows):,}; send a part of it.",
        )
    base = others(store, model)
    places = len(next(iter(base.values())))
    most = max(LEAST_STAND_INS, MOST_STAND_INS // len(rows))
    chosen = np.unique(np.linspace(0, places - 1, min(places, most)).astype(int))
    base = {name: base[name][chosen] for name in model.encoder.inputs}
    return [filled_score(model, _with(base, row), missing).score for row in rows]


def _with(base: Columns, row: Features) -> Columns:
    """Other users' columns with what is known of one user in its place."""
    return {name: _same(row[name], values) if name in row else values for name, values in base.items()}


def _same(value: Any, values: NDArray[Any]) -> NDArray[Any]:  # noqa: ANN401 - a feature of any type
    """A column of one value, of the type of another column."""
    is_missing_number = value is None and values.dtype != object
    return np.full(len(values), np.nan if is_missing_number else value, dtype=values.dtype)
