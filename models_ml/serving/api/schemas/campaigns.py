"""Campaigns: past ones, and plans."""

from __future__ import annotations

from models_ml.serving.api.schemas.parts import (
    COUNT,
    DATE,
    FLAG,
    MOMENT,
    NUMBER,
    REASONS,
    SHARE,
    TEXT,
    Schema,
    list_of,
    or_null,
    page_of,
    record,
    ref,
)


def of_campaigns() -> dict[str, Schema]:
    """Schemas of campaigns by name."""
    money = ("budget", "offer_cost", "save_rate", "customer_value", "holdout")
    values = {"expected_value_low": or_null(NUMBER), "expected_value_high": or_null(NUMBER)}
    of_plan = {"campaign_id": TEXT, "as_of_date": DATE, "model_version": TEXT}
    past = {
        **of_plan,
        "created_at": MOMENT,
        **dict.fromkeys(("treatment", "control"), ref("Arm")),
        "spent": NUMBER,
        "expected_value": or_null(NUMBER),
        **values,
        "reduction": or_null(record(dict.fromkeys(("value", "low", "high"), NUMBER))),
        "is_open": FLAG,
        "obstacle": or_null(TEXT),
    }
    target = {
        "rank": COUNT,
        "user_id": TEXT,
        "arm": {"type": "string", "enum": ["treatment", "control"]},
        "probability": SHARE,
        "reasons": REASONS,
        "expected_value": NUMBER,
        **values,
    }
    plan = {
        **of_plan,
        "label": TEXT,
        "settings": record(dict.fromkeys(money, NUMBER)),
        "targets": list_of(ref("Target"), "The best first."),
        "control_users": COUNT,
        "chosen": ref("Point"),
        **dict.fromkeys(("expected_saved", "control_cost"), NUMBER),
        "users_needed": or_null(COUNT),
        "curve": list_of(ref("Point"), "Of no offer, of the best, of the two best, and so on."),
        **dict.fromkeys(("break_even", "highest_probability"), NUMBER),
        "scored_users": COUNT,
        "stands": FLAG | {"description": "A campaign of this id was drawn already: its list counts."},
        "command": TEXT | {"description": "What draws this list."},
    }
    return {
        "Arm": record(dict.fromkeys(("users", "known", "left"), COUNT)),
        "Campaign": record(past, "`reduction` is churn of control less that of treatment, with its 95 % interval."),
        "CampaignList": page_of(ref("Campaign")),
        "Target": record(target),
        "Point": record(
            {"offers": COUNT, "spent": NUMBER, "gain": NUMBER, "low": or_null(NUMBER), "high": or_null(NUMBER)}
        ),
        "Plan": record(plan),
    }
