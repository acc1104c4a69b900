"""The risk of the users of an uploaded log as the API tells it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models_ml.serving.answers.upload import UploadAnswer
    from models_ml.serving.uploads.reading import ReadUpload

OF_CHAMPION = ("model_version", "label", "horizon_days", "threshold")
OF_DATE = ("as_of_date", "observed_from", "gone")
COUNTS = ("accepted", "refused", "blank", "of_users", "repeated")


def told(answer: UploadAnswer) -> dict[str, Any]:
    """Return all that an answer holds but the features; users by risk, the highest first."""
    return {
        **{name: getattr(answer, name) for name in OF_CHAMPION},
        **{name: getattr(answer.read, name) for name in OF_DATE},
        **_lines(answer.read),
        "not_computed": answer.not_computed,
        "called": answer.called,
        "users": [{"user_id": user.user_id} | asdict(user.score) for user in answer.users],
    }


def _lines(read: ReadUpload) -> dict[str, Any]:
    return {
        "lines": {"total": read.lines} | {name: getattr(read, name) for name in COUNTS},
        "refusals": [asdict(reason) for reason in read.reasons],
        "left_out": [{"name": name, "what": what} for name, what in read.left_out],
    }
