"""What schemas are made of."""

from __future__ import annotations

from typing import Any

from models_ml.serving.api.parameters import MOST_LETTERS

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
NUMBER: Schema = {"type": "number"}
COUNT: Schema = {"type": "integer", "minimum": 0}
SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
DATE: Schema = {"type": "string", "format": "date"}
MOMENT: Schema = {"type": "string", "format": "date-time"}
DECILE: Schema = {"type": "integer", "minimum": 1, "maximum": 10, "description": "1 is the highest risk."}
USER_ID: Schema = {"type": "string", "minLength": 1, "maxLength": MOST_LETTERS}
LEVEL: Schema = {"type": "string", "enum": ["free", "paid"]}
REASONS: Schema = {
    "type": "array",
    "items": TEXT,
    "description": "The weightiest first, each with the direction in which it moves the risk.",
}
# The champion's answer, and what that champion is.
SCORE: dict[str, Schema] = {
    "probability": SHARE,
    "low": SHARE,
    "high": SHARE,
    "is_predicted": FLAG,
    "reasons": REASONS,
}


def ref(name: str) -> Schema:
    """A schema of the document by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def or_null(schema: Schema) -> Schema:
    """A schema, or null for what is not known."""
    return {"anyOf": [schema, {"type": "null"}]}


def list_of(schema: Schema, description: str = "") -> Schema:
    """A list of what a schema describes."""
    return {"type": "array", "items": schema} | ({"description": description} if description else {})


def record(properties: dict[str, Schema], description: str = "") -> Schema:
    """An object with all of these properties and no other."""
    closed: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return closed | {"required": list(properties)} | ({"description": description} if description else {})


def page_of(item: Schema) -> Schema:
    """A page of a list."""
    links = dict.fromkeys(("self", "first", "previous", "next", "last"), TEXT)
    return record(
        {
            "total": COUNT,
            "page": COUNT,
            "limit": COUNT,
            "links": {
                "type": "object",
                "properties": links,
                "required": ["self", "first", "last"],
                "additionalProperties": False,
            },
            "items": list_of(item),
        }
    )


def of_champion() -> dict[str, Schema]:
    """Which champion answers, and to what question."""
    return {"model_version": or_null(TEXT), "label": TEXT, "horizon_days": COUNT, "threshold": NUMBER}
