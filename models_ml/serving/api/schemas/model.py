"""The model, what it reads, and how its predictions turned out."""

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
    page_of,
    record,
    ref,
)


def of_model() -> dict[str, Schema]:
    """Schemas of versions, features, outcomes and drift by name."""
    texts = ("name", "title", "meaning")
    ends = {name: or_null(NUMBER) for name in ("low", "high", "no_skill")}
    metric = {**dict.fromkeys(texts, TEXT), "value": NUMBER, **ends, "is_share": FLAG, "digits": COUNT}
    version = {
        **dict.fromkeys(("model_version", "algorithm", "calibration"), TEXT),
        "threshold": NUMBER,
        "trained_at": MOMENT,
        **_rows_of("train"),
        **_rows_of("test"),
        "test_positives": COUNT,
        "promotion_reason": or_null(TEXT),
        "is_champion": FLAG,
        "is_challenger": FLAG,
        "metrics": list_of(ref("Metric")),
    }
    return {
        "Metric": record(metric, "On the test rows, with its 95 % interval; `no_skill` is that of guessing."),
        "Version": record(version),
        "VersionList": page_of(ref("Version")),
        "Model": record(
            dict.fromkeys(("champion", "challenger"), or_null(ref("Version"))),
            "The challenger is the newest version that was trained after the champion, and not promoted.",
        ),
        **_of_lists(),
    }


def _rows_of(part: str) -> dict[str, Schema]:
    return {f"{part}_from": DATE, f"{part}_to": DATE, f"{part}_rows": COUNT, f"{part}_users": COUNT}


def _of_lists() -> dict[str, Schema]:
    feature = {
        **dict.fromkeys(("name", "data_type", "noun", "unit", "group", "formula"), TEXT),
        **dict.fromkeys(("lowest", "highest"), or_null(NUMBER)),
        "allowed": list_of(TEXT, "Of a text, all values; none for any."),
        "meaning": TEXT,
        "is_read": FLAG | {"description": "It has a say in the champion's scores."},
    }
    outcome = {
        **dict.fromkeys(("as_of_date", "outcome_known_at"), DATE),
        "model_version": TEXT,
        **dict.fromkeys(("user_count", "true_count", "called_count", "called_true_count"), COUNT),
        **dict.fromkeys(("expected_count", "low", "high"), NUMBER),
        "agrees": FLAG,
    }
    drifted = {
        "as_of_date": DATE,
        **dict.fromkeys(("model_version", "feature"), TEXT),
        **dict.fromkeys(("psi", "ks", "psi_limit"), or_null(NUMBER)),
        **dict.fromkeys(("train_rows", "scored_rows"), COUNT),
        "is_beyond": FLAG,
    }
    return {
        "FeatureList": page_of(record(feature)),
        "OutcomeList": page_of(record(outcome, "Ends are the 95 % interval (Wilson) of those who leave.")),
        "DriftList": page_of(record(drifted, "PSI and KS are 0 where nothing drifted.")),
    }
