"""Customers, alone and beside others."""

from __future__ import annotations

from models_ml.serving.api.schemas.parts import (
    COUNT,
    DATE,
    DECILE,
    FLAG,
    LEVEL,
    MOMENT,
    NUMBER,
    REASONS,
    SHARE,
    TEXT,
    Schema,
    list_of,
    of_champion,
    or_null,
    page_of,
    record,
    ref,
)

PREDICTED = {"probability": SHARE, "probability_low": or_null(SHARE), "probability_high": or_null(SHARE)}


def of_customers() -> dict[str, Schema]:
    """Schemas of customers by name."""
    nullable_texts = {name: or_null(TEXT) for name in ("state", "metro", "gender", "device_family")}
    moments = {name: or_null(MOMENT) for name in ("registered_at", "first_event_at", "last_event_at", "cancelled_at")}
    prediction = {
        "as_of_date": DATE,
        "model_version": TEXT,
        **PREDICTED,
        "risk_decile": or_null(DECILE),
        "predicted_churn": or_null(FLAG),
        "reasons": REASONS,
        "scored_at": MOMENT,
        "outcome": or_null(FLAG | {"description": "Whether it came true; null is not known yet."}),
    }
    counts = ("event", "paid_event", "song", "thumbs_up", "thumbs_down", "advert")
    session = {
        "session_id": {"type": ["string", "integer"]},
        "started_at": MOMENT,
        "ended_at": MOMENT,
        **{f"{name}_count": COUNT for name in counts},
        "has_cancellation": FLAG,
    }
    customer = {
        "user_id": TEXT,
        "level": or_null(LEVEL),
        **nullable_texts,
        **moments,
        "is_churned": or_null(FLAG),
        "days_since_last_event": or_null(NUMBER),
        "as_of_date": or_null(DATE),
        "model_version": or_null(TEXT),
        **{name: or_null(SHARE) for name in PREDICTED},
        "probability_change": or_null(NUMBER | {"description": "Since the snapshot before."}),
        "risk_decile": or_null(DECILE),
        "risk_decile_before": or_null(DECILE),
        "predicted_churn": or_null(FLAG),
        "reasons": REASONS,
    }
    whole = {
        "customer": ref("Customer"),
        "predictions": list_of(ref("Prediction"), "The newest first."),
        "sessions": page_of(ref("Session")),
    }
    return {
        "Customer": record(customer, "Who it is, and the newest prediction; null where there is none."),
        "Prediction": record(prediction, "Ends are those of the 95 % interval of the calibration."),
        "Session": record(session),
        "CustomerList": page_of(ref("Customer")),
        "WholeCustomer": record(whole),
        **_of_similar(),
    }


def _of_similar() -> dict[str, Schema]:
    neighbour = {
        "user_id": TEXT,
        "as_of_date": DATE,
        "distance": NUMBER | {"minimum": 0, "description": "Between the champion's elements, in standard deviations."},
        "has_left": FLAG | {"description": "Within the horizon after that date."},
    }
    found = {
        **of_champion(),
        "user_id": TEXT,
        "nearest": list_of(ref("Neighbour"), "The nearest first, each at the date of most likeness."),
        "left": COUNT | {"description": "How many of the nearest left."},
        "share": SHARE,
        **dict.fromkeys(("low", "high"), SHARE),
        **dict.fromkeys(("customers", "snapshots"), COUNT | {"description": "Among which the nearest were sought."}),
        "share_of_all": SHARE | {"description": "How many of all these snapshots left."},
    }
    return {
        "Neighbour": record(neighbour, "Another customer at a past date whose outcome is known."),
        "Similar": record(found, "`low` and `high` are the 95 % interval (Wilson) of `share`."),
    }
