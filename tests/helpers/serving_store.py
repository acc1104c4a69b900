"""The store that the web app reads, small and whole: a dozen customers, three snapshots, outcomes, sessions."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd
from planning_store import CHAMPION, NEWEST, NO_CHAMPION, PUBLICATION, VERSION, features
from planning_store import tables as planning_tables

from models_ml.serving.app import create_app
from models_ml.serving.contents import tables_of
from models_ml.serving.scoring import scores
from models_ml.serving.store_file import write_store
from models_ml.serving.web.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from flask.testing import FlaskClient

# Users of a log may be called anything: an address, markup, a formula.
STRANGE = ("a/b %c?d=e#f", "=1+1</script>")
USERS = (*(f"{number}" for number in range(1, 11)), *STRANGE)
DATES = (NEWEST - timedelta(days=14), NEWEST - timedelta(days=7), NEWEST)
# Scored too late: he cancelled before the newest snapshot.
GONE = "10"
NOW = pd.Timestamp("2018-12-03 12:00:00")
# What comes with a model, a prediction, a campaign or a known outcome.
LATER_TABLES = ("predictions", "versions", "campaigns", "outcomes", "drift")


def small_store(folder: Path) -> Path:
    """Write the store to a folder, and return its file."""
    return write_store(folder, PUBLICATION, tables())


def first_store(folder: Path) -> Path:
    """Write the store as it is before the first model: customers and no prediction."""
    unscored = customers().assign(**dict.fromkeys(SCORED, None))
    kept = tables() | {"customers": unscored} | dict.fromkeys(LATER_TABLES)
    return write_store(folder, NO_CHAMPION, kept)


def bare_store(folder: Path) -> Path:
    """Write a store without any table but that of the publication."""
    return write_store(folder, replace(NO_CHAMPION, run_id="bare"), {})


def small_client(folder: Path, token: str | None = None, *, read_only: bool = False) -> FlaskClient:
    """A client of the app on the store of a folder."""
    return create_app(Settings(folder, folder / "reports", token, read_only=read_only)).test_client()


def tables() -> dict[str, pd.DataFrame]:
    """All tables of the store; campaigns, versions, outcomes by snapshot and drift are those of the planning pages."""
    of_plans = {name: rows for name, rows in planning_tables().items() if rows is not None}
    return of_plans | {
        "customers": customers(),
        "predictions": predictions(),
        "sessions": sessions(),
        "spells": spells(),
        "snapshots": snapshots(),
        **past(snapshots()),
        "population": population(),
        "days": days(),
        "findings": findings(),
    }


def predictions() -> pd.DataFrame:
    """Every user at every snapshot but who has gone, by the champion's own probabilities; the first was by another."""
    return pd.DataFrame([row for day in DATES for row in _scored(day)])


def _scored(day: date) -> list[dict[str, Any]]:
    found = scores(CHAMPION, _rows(day))
    ranks = sorted((score.probability for score in found), reverse=True)
    return [
        {
            "user_id": user,
            "as_of_date": day,
            "model_version": "v1-old" if day == DATES[0] else VERSION,
            "probability": score.probability,
            "probability_low": score.low,
            "probability_high": score.high,
            "risk_decile": 1 + 10 * ranks.index(score.probability) // len(ranks),
            "predicted_churn": score.is_predicted,
            "reasons": json.dumps(score.reasons),
            "scored_at": pd.Timestamp(day) + pd.Timedelta(hours=13),
            "outcome": _outcome(user, day),
        }
        for user, score in zip(USERS, found, strict=True)
        if not _has_gone(user, day)
    ]


SCORED = (
    *("as_of_date", "model_version", "probability", "probability_low", "probability_high", "probability_change"),
    *("risk_decile", "risk_decile_before", "predicted_churn", "first_reason", "reasons"),
)


def customers() -> pd.DataFrame:
    """Each user as the log ends, with the newest prediction beside the one before."""
    newest, before = ({row["user_id"]: row for row in _scored(day)} for day in (DATES[2], DATES[1]))
    rows = []
    for number, user in enumerate(USERS, start=1):
        told = dict.fromkeys(SCORED)
        if now := newest.get(user):
            told |= {name: now[name] for name in SCORED if name in now}
            told["probability_change"] = now["probability"] - before[user]["probability"]
            told["risk_decile_before"] = before[user]["risk_decile"]
            told["first_reason"] = next(iter(json.loads(now["reasons"])), None)
        rows.append(_who(number, user) | told)
    return pd.DataFrame(rows)


def _who(number: int, user: str) -> dict[str, object]:
    known = features(number)
    last = NOW - pd.Timedelta(days=number)
    return {
        "user_id": user,
        **{name: known[name] for name in ("level", "state", "gender", "device_family")},
        "metro": "Los Angeles-Long Beach, 100%_sure" if known["state"] == "CA" else "New York-Newark",
        "registered_at": NOW - pd.Timedelta(days=50 + number),
        "first_event_at": NOW - pd.Timedelta(days=30),
        "last_event_at": last,
        "cancelled_at": last if user == GONE else pd.NaT,
        "is_churned": user == GONE,
        "days_since_last_event": number,
    }


def sessions() -> pd.DataFrame:
    """Three sessions of each user, a week apart."""
    return pd.DataFrame(
        [
            {
                "user_id": user,
                "session_id": 10 * number + week,
                "started_at": NOW - pd.Timedelta(days=number + 7 * week),
                "ended_at": NOW - pd.Timedelta(days=number + 7 * week) + pd.Timedelta(hours=1),
                "event_count": 30 + week,
                "paid_event_count": 0,
                "song_count": 20 + week,
                "thumbs_up_count": 2,
                "thumbs_down_count": week,
                "advert_count": 1,
                "has_cancellation": user == GONE and week == 0,
            }
            for number, user in enumerate(USERS, start=1)
            for week in range(3)
        ]
    )


def spells() -> pd.DataFrame:
    """One level of each user all the time."""
    started = NOW - pd.Timedelta(days=30)
    return pd.DataFrame(
        [
            {"user_id": user, "level": features(number)["level"], "started_at": started, "ended_at": pd.NaT}
            for number, user in enumerate(USERS, start=1)
        ]
    )


def snapshots() -> pd.DataFrame:
    """The features of each user at each date, with the outcome where it is known."""
    return pd.DataFrame(
        [
            {
                "user_id": user,
                "as_of_date": day,
                "outcome": _outcome(user, day),
                "is_newest": day == NEWEST,
                "features": json.dumps(row),
            }
            for day in DATES
            for user, row in zip(USERS, _rows(day), strict=True)
            if not _has_gone(user, day)
        ]
    )


def past(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """What is compared of the past, of rows of `snapshots`."""
    told = pd.DataFrame([json.loads(features) for features in rows["features"]], index=rows.index)
    found = tables_of(pd.concat([rows.drop(columns="features"), told], axis=1), CHAMPION)
    return {name: table for name, table in found.items() if name != "snapshots" and table is not None}


def population() -> pd.DataFrame:
    """Two features as they are with all."""
    return pd.DataFrame(
        {
            "feature": ["song_count_lifetime", "days_since_last_event"],
            "as_of_date": NEWEST,
            "user_count": 11,
            "null_count": 0,
            "mean": [130.0, 6.5],
            "quantiles": ["[20,60,130,180,240]", "[1,3,6,9,12]"],
        }
    )


def days() -> pd.DataFrame:
    """Two weeks of the service."""
    dates = [NEWEST - timedelta(days=13 - day) for day in range(14)]
    return pd.DataFrame(
        {
            "event_date": dates,
            "active_user_count": range(5, 19),
            "active_user_count_7d": 12,
            "new_user_count": 1,
            "session_count": range(6, 20),
            "song_count": 400,
            "advert_count": 20,
            "upgrade_count": 1,
            "downgrade_count": 0,
            "cancellation_count": 0,
            "listening_hours": 27.5,
        }
    )


def findings() -> pd.DataFrame:
    """What the gate found: one rule that holds, and one that does not and only warns."""
    return pd.DataFrame(
        {
            "run_id": PUBLICATION.run_id,
            "rule": ["features.null", "events.late"],
            "table_name": ["marts.fct_user_features", "staging.stg_sparkify__events"],
            "severity": ["stop", "warn"],
            "success": [True, False],
            "is_accepted": False,
            "message": ["observed 0 NULL", "3 events came late, among them </script>"],
            "validated_at": NOW,
        }
    )


def _rows(day: date) -> list[dict[str, Any]]:
    """The features of all users at a date: a session less for each week before the newest."""
    weeks = (NEWEST - day).days // 7
    return [
        features(number) | {"session_count_lifetime": max(1, number - weeks)} for number in range(1, len(USERS) + 1)
    ]


def _outcome(user: str, day: date) -> bool | None:
    """Whether he left within the horizon; known of the first snapshot alone."""
    return user == GONE if day == DATES[0] else None


def _has_gone(user: str, day: date) -> bool:
    return user == GONE and day == NEWEST
