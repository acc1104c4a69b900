"""What the API answers and takes, as JSON Schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models_ml.serving.answers.api_scores import MOST_CUSTOMERS, MOST_LETTERS, bounds
from models_ml.serving.answers.scoring_fields import FIELDS, MOST_COUNT, MOST_DAYS
from warehouse.contract.catalogue import features_by_name

if TYPE_CHECKING:
    from models_ml.serving.answers.scoring_fields import Field
    from warehouse.contract.catalogue import Feature

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


def schemas() -> dict[str, Schema]:
    """All schemas of the document by name."""
    return _of_customers() | _of_scores() | _of_model() | _of_campaigns() | _of_the_rest()


PREDICTED = {"probability": SHARE, "probability_low": or_null(SHARE), "probability_high": or_null(SHARE)}
REASONS = list_of(TEXT, "The weightiest first, each with the direction in which it moves the risk.")


def _of_customers() -> dict[str, Schema]:
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
    }


def _of_scores() -> dict[str, Schema]:
    score = {"probability": SHARE, "low": SHARE, "high": SHARE, "is_predicted": FLAG, "reasons": REASONS}
    about = {"model_version": or_null(TEXT), "label": TEXT, "horizon_days": COUNT, "threshold": NUMBER}
    of_features = record(score | {"missing": list_of(TEXT, "Inputs of the champion that were not sent.")})
    of_users = record({"user_id": TEXT, "as_of_date": DATE} | score)
    described = score | {
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


def _of_model() -> dict[str, Schema]:
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
        "Model": record({"champion": or_null(ref("Version")), "versions": list_of(ref("Version"))}),
    }


def _rows_of(part: str) -> dict[str, Schema]:
    return {f"{part}_from": DATE, f"{part}_to": DATE, f"{part}_rows": COUNT, f"{part}_users": COUNT}


def _of_campaigns() -> dict[str, Schema]:
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
        "CampaignList": record({"items": list_of(ref("Campaign"))}),
        "Target": record(target),
        "Point": record(
            {"offers": COUNT, "spent": NUMBER, "gain": NUMBER, "low": or_null(NUMBER), "high": or_null(NUMBER)}
        ),
        "Plan": record(plan),
    }


def _of_the_rest() -> dict[str, Schema]:
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
    publication = {
        **dict.fromkeys(("run_id", "label"), TEXT),
        **dict.fromkeys(("published_at", "written_at"), MOMENT),
        "horizon_days": or_null(COUNT),
        "model_version": or_null(TEXT),
        "is_read_only": FLAG,
    }
    problem = {"type": TEXT, "title": TEXT, "status": COUNT, "detail": TEXT}
    errors = {"type": "object", "additionalProperties": TEXT, "description": "What each wrong field has to be."}
    return {
        "Publication": record(publication),
        "FeatureList": record({"items": list_of(record(feature))}),
        "OutcomeList": record(
            {"items": list_of(record(outcome, "Ends are the 95 % interval (Wilson) of those who leave."))}
        ),
        "DriftList": record({"items": list_of(record(drifted, "PSI and KS are 0 where nothing drifted."))}),
        "Problem": {"type": "object", "properties": problem | {"errors": errors}, "required": list(problem)},
    }
