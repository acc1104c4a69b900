"""What was published, in numbers, and how a refusal is told."""

from __future__ import annotations

from models_ml.serving.api.schemas.parts import (
    COUNT,
    DATE,
    FLAG,
    MOMENT,
    NUMBER,
    TEXT,
    Schema,
    list_of,
    or_null,
    record,
    ref,
)


def of_overview() -> dict[str, Schema]:
    """Schemas of the publication, its numbers and problems by name."""
    publication = {
        **dict.fromkeys(("run_id", "label"), TEXT),
        **dict.fromkeys(("published_at", "written_at"), MOMENT),
        "horizon_days": or_null(COUNT),
        "model_version": or_null(TEXT),
        "is_read_only": FLAG,
    }
    numbers = {
        "publication": ref("Publication"),
        "customers": or_null(_customers()),
        "days": or_null(_days()),
        "audit": or_null(_audit()),
        "last_run": or_null(_last_run()),
    }
    problem = {"type": TEXT, "title": TEXT, "status": COUNT, "detail": TEXT}
    errors = {"type": "object", "additionalProperties": TEXT, "description": "What each wrong field has to be."}
    return {
        "Publication": record(publication),
        "Overview": record(numbers, "null is what there is none of yet."),
        "Problem": {"type": "object", "properties": problem | {"errors": errors}, "required": list(problem)},
    }


def _customers() -> Schema:
    counts = dict.fromkeys(("customers", "members", "scored", "called"), COUNT)
    expected = NUMBER | {"description": "How many of those scored are to be expected to leave within the horizon."}
    newest = {"as_of_date": or_null(DATE), "model_version": or_null(TEXT), "newest_event_at": or_null(MOMENT)}
    age = or_null({"type": "integer", "description": "Whole days from the newest event to now."})
    return record(counts | {"expected": expected} | newest | {"event_age_days": age})


def _days() -> Schema:
    counts = ("days", "active_users", "songs", "cancellations")
    before = dict.fromkeys(("songs_before", "cancellations_before"), or_null(COUNT))
    spans = dict.fromkeys(("first", "last"), DATE)
    return record(spans | dict.fromkeys(counts, COUNT) | before, "The last 7 days of the log, and the 7 before.")


def _audit() -> Schema:
    finding = {"severity": TEXT, "rule": TEXT, "table_name": or_null(TEXT), "message": or_null(TEXT)}
    audit = {
        "gate": {"type": "string", "enum": ["passed", "warned", "stopped"]},
        **dict.fromkeys(("expectations", "accepted"), COUNT),
        "validated_at": MOMENT,
        "broken": list_of(record(finding), "Neither met nor accepted, the worst first."),
    }
    return record(audit)


def _last_run() -> Schema:
    run = {"status": TEXT, "started_at": MOMENT, "seconds": NUMBER, "steps": COUNT}
    return record(run, "The last `sparkhouse run`, however it ended: it may be later than the publication.")
