"""Scores: of features, of users, of a description, of what could be, of an uploaded log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models_ml.serving.answers.api_scores import MOST_CUSTOMERS, MOST_LETTERS, bounds
from models_ml.serving.answers.scoring_fields import FIELDS, MOST_COUNT, MOST_DAYS
from models_ml.serving.answers.what_if import MOST
from models_ml.serving.api.schemas.parts import (
    COUNT,
    DATE,
    LEVEL,
    NUMBER,
    SCORE,
    SHARE,
    TEXT,
    USER_ID,
    Schema,
    list_of,
    of_champion,
    or_null,
    record,
    ref,
)
from warehouse.contract.catalogue import features_by_name

if TYPE_CHECKING:
    from models_ml.serving.answers.scoring_fields import Field
    from warehouse.contract.catalogue import Feature


def of_scores() -> dict[str, Schema]:
    """Schemas of scores, and of what is scored, by name."""
    about = of_champion()
    of_features = record(SCORE | {"missing": list_of(TEXT, "Inputs of the champion that were not sent.")})
    of_users = record({"user_id": TEXT, "as_of_date": DATE} | SCORE)
    described = SCORE | {
        "band": {"type": "string", "enum": ["high", "middle", "low"]},
        "widened_by": SHARE | {"description": "How much of the interval is for what was not said."},
        "blank": list_of(TEXT),
        "not_asked": {"type": "object", "additionalProperties": TEXT},
        "not_read": list_of(TEXT),
        "stand_ins": COUNT,
        "mean_probability": or_null(SHARE),
        "scored_users": COUNT,
        "higher_users": COUNT,
    }
    return {
        "Features": _features(),
        "ScoreRequest": {
            "oneOf": [
                record({"customers": _some(ref("Features"))}, "Features of customers."),
                record({"user_ids": _some(USER_ID)}, "Users of the newest snapshot."),
            ]
        },
        "Scores": {
            "oneOf": [
                record(about | {"scores": list_of(of_features)}, "In the order of the customers that were sent."),
                record(about | {"scores": list_of(of_users), "not_found": list_of(TEXT)}),
            ],
            "description": "`low` and `high` are the ends of the 95 % interval of the calibration: how sure the "
            "probability of customers with this score is, not what missing inputs leave open.",
        },
        "Description": _description(),
        "DescribedScore": record(
            about | described, "`low` and `high` hold 95 % of what the calibration and what was not said leave open."
        ),
        **_of_what_if(),
        **_of_uploads(),
    }


def _of_what_if() -> dict[str, Schema]:
    amount = NUMBER | {"minimum": 0, "maximum": MOST}
    changes = {
        "type": "object",
        "properties": {"level": LEVEL},
        "additionalProperties": amount,
        "description": "Inputs by name: those that `inputs` of an answer lists, and the level where `levels` does.",
    }
    lever = {"name": TEXT, "title": TEXT, "value": NUMBER, "moves": list_of(TEXT, "What changes with it.")}
    moved = {"type": "object", "additionalProperties": {"type": ["number", "string"]}}
    answer = {
        **of_champion(),
        "user_id": TEXT,
        **dict.fromkeys(("now", "then"), record(SCORE)),
        "moved": moved | {"description": "All features that changed, with their new values."},
        "inputs": list_of(record(lever), "What can be changed, and its value now."),
        "levels": list_of(LEVEL, "Levels that can be asked for; none where the champion does not go by the level."),
    }
    return {
        "WhatIfRequest": record({"user_id": USER_ID, "changes": changes}),
        "WhatIf": record(answer, "Ends are those of the 95 % interval of the calibration."),
    }


def _of_uploads() -> dict[str, Schema]:
    lines = {
        **dict.fromkeys(("total", "accepted", "refused", "blank"), COUNT),
        "of_users": COUNT | {"description": "Accepted lines that have a user and a registration."},
        "repeated": COUNT | {"description": "Of these, lines that stood there before: they count once."},
    }
    reason = {"reason": TEXT, "count": COUNT, "first_lines": list_of(COUNT, "Numbers of lines, from 1.")}
    answer = {
        **of_champion(),
        "as_of_date": DATE | {"description": "The risk is that at the start of this date."},
        "observed_from": DATE,
        "lines": record(lines),
        "refusals": list_of(
            record(reason), "Why lines were refused, the most frequent first; a line can have several."
        ),
        "left_out": list_of(record({"name": TEXT, "what": TEXT}), "Files of an archive that are no log."),
        "gone": COUNT | {"description": "Users who had cancelled by the date, or came later."},
        "not_computed": list_of(
            TEXT, "Inputs of the champion that a log does not give: values of published customers stand in for them."
        ),
        "called": COUNT,
        "users": list_of(record({"user_id": TEXT} | SCORE), "All members, the highest risk first."),
    }
    about = "Ends of users hold 95 % of what the calibration, and what stands in, leave open."
    return {
        "Log": {
            "type": "string",
            "format": "binary",
            "description": "The bytes of a log as they are: JSON lines, JSON, CSV or Parquet, plain or packed (gzip, "
            "bzip2, xz, zstd, lz4, zip, tar). The content tells what it is, not a name or a type.",
        },
        "UploadedRisk": record(answer, about),
    }


def _some(item: Schema) -> Schema:
    return list_of(item) | {"minItems": 1, "maxItems": MOST_CUSTOMERS}


def _features() -> Schema:
    """Any features of the catalogue."""
    properties = {name: _value(feature) for name, feature in features_by_name().items()}
    return {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "description": "Features by name. One that is left out or null is unknown: the champion takes what stood for "
        "it in training.",
    }


def _value(feature: Feature) -> Schema:
    if feature.data_type == "boolean":
        return {"type": ["boolean", "null"]}
    if feature.data_type == "string":
        return {"enum": [*feature.allowed, None]} if feature.allowed else or_null(TEXT | {"maxLength": MOST_LETTERS})
    low, high = bounds(feature)
    return {"type": ["number", "null"], "minimum": low, "maximum": high}


def _description() -> Schema:
    """The fields of the form, each as a number or as it would be typed."""
    properties = {field.name: _answer(field) for field in FIELDS}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _answer(field: Field) -> Schema:
    about = {"title": field.title, "description": field.hint}
    if field.kind == "choice":
        return {"type": ["string", "null"]} | about
    most = MOST_DAYS if field.kind == "days" else MOST_COUNT
    number = {"type": "number" if field.kind == "days" else "integer", "minimum": 0, "maximum": most}
    return {"anyOf": [number, TEXT, {"type": "null"}]} | about
