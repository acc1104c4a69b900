"""A store of a dozen customers for the pages that score, plan and judge: hand-made, with a champion of real parts."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from models_ml.portable.behaviour import BehaviourClasses
from models_ml.portable.calibration import CalibrationBand, PlattScaling
from models_ml.portable.encoder import Encoder
from models_ml.portable.linear import LinearScorer
from models_ml.portable.model import PortableModel
from models_ml.portable.rate import Rate
from models_ml.serving.app import create_app
from models_ml.serving.contents import Publication
from models_ml.serving.store import Store, Stores
from models_ml.serving.store_file import write_store
from models_ml.serving.web.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from flask.testing import FlaskClient

NEWEST, VERSION = date(2018, 12, 3), "v2-abc"
CHAMPION = PortableModel(
    label="churned_in_time_bin",
    horizon_days=14,
    algorithm="logistic_regression",
    encoder=Encoder(
        medians={"days_since_last_event": 2.0, "friend_add_count_lifetime": 3.0},
        missing=(),
        levels={"level": ("free", "paid")},
        rates=(Rate("sessions_per_day", "session_count_lifetime", "days_observed", 2.0, 10.0),),
        behaviour=BehaviourClasses(
            counts=("free_advert_count_lifetime", "upgrade_page_count_lifetime"),
            exposures=("free_song_count_lifetime", "free_song_count_lifetime"),
            shares=(0.8, 0.2),
            rates=((0.02, 0.01), (0.2, 0.02)),
        ),
    ),
    # All but the friends, in which the scorer has no say.
    indices=(0, 2, 3, 4, 5, 6),
    scorer=LinearScorer(np.array([0.4, 0.2, -0.2, -0.8, 0.0, 3.0]), -2.5, np.zeros(6), np.ones(6)),
    band=CalibrationBand(PlattScaling(1.0, 0.0), (0.0,), (0.3,), (0.4,)),
    threshold=0.3,
    usual={"days_since_last_event": 2.0, "session_count_lifetime": 8.0, "days_observed": 40.0},
)
PUBLICATION = Publication(
    "20181204T000000000000Z",
    "2018-12-04T00:00:00Z",
    "2018-12-04T00:00:01.000000Z",
    "churned_in_time_bin",
    14,
    VERSION,
    CHAMPION.to_json(),
)
NO_CHAMPION = replace(PUBLICATION, model_version=None, model=None, horizon_days=None)
USERS = tuple(f"{number}" for number in range(1, 13))
METRICS = {
    "test_auc": 0.7,
    "test_auc_low": 0.6,
    "test_auc_high": 0.8,
    "test_auc.no_skill": 0.5,
    "test_average_precision": 0.2,
    "test_average_precision_low": 0.1,
    "test_average_precision_high": 0.3,
    "test_brier_skill": 0.05,
    "test_calibration_error": 0.03,
}


def features(number: int) -> dict[str, Any]:
    """The features of a user: the higher the number, the more songs and adverts, and the longer silent."""
    songs = 20 * number
    is_free = number % 2 == 1
    return {
        "gender": "F" if number % 3 else "M",
        "level": "free" if is_free else "paid",
        "state": "CA" if number % 2 else "NY",
        "device_family": "Windows",
        "days_since_registration": 50.0 + number,
        "days_since_first_event": 30.0,
        "days_since_last_event": float(number),
        "days_observed": 40.0,
        "session_count_lifetime": number,
        "song_count_lifetime": songs,
        "advert_count_lifetime": number,
        "thumbs_up_count_lifetime": 3,
        "thumbs_down_count_lifetime": 1,
        "friend_add_count_lifetime": 2,
        "playlist_add_count_lifetime": 5,
        "free_song_count_lifetime": songs if is_free else 0,
        "paid_song_count_lifetime": 0 if is_free else songs,
        "free_advert_count_lifetime": number if is_free else 0,
        "upgrade_page_count_lifetime": 1,
    }


def tables() -> dict[str, pd.DataFrame | None]:
    """All tables that the three pages read."""
    risks = [0.05 + 0.05 * place for place in range(len(USERS))]
    scored = pd.DataFrame(
        {
            "user_id": USERS,
            "as_of_date": NEWEST,
            "model_version": VERSION,
            "probability": risks,
            "probability_low": [risk / 2 for risk in risks],
            "probability_high": [risk * 1.5 for risk in risks],
            "reasons": [json.dumps(["on the level free (less risk)", '=HYPERLINK("x") (more risk)'])] * len(USERS),
            "scored_at": pd.Timestamp("2018-12-04"),
        }
    )
    older = scored.assign(as_of_date=date(2018, 11, 26), probability=0.9)
    return {
        "customers": scored[["user_id", "probability"]].assign(state=["CA", "NY"] * 6),
        "predictions": pd.concat([scored, older]),
        "snapshots": pd.DataFrame(
            {
                "user_id": USERS,
                "as_of_date": NEWEST,
                "is_newest": True,
                "features": [json.dumps(features(int(user))) for user in USERS],
            }
        ),
        "versions": versions(),
        "campaigns": campaigns(),
        "outcomes": pd.DataFrame(
            {
                "as_of_date": [date(2018, 11, 12), date(2018, 11, 19)],
                "model_version": "v1-old",
                "outcome_known_at": [date(2018, 11, 26), date(2018, 12, 3)],
                "user_count": [100, 100],
                "expected_count": [10.5, 40.0],
                "true_count": [9, 10],
                "called_count": [12, 20],
                "called_true_count": [4, 5],
            }
        ),
        "drift": pd.DataFrame(
            {
                "as_of_date": [date(2018, 11, 26), NEWEST, NEWEST],
                "model_version": VERSION,
                "feature": ["old", "level=paid", "score"],
                "psi": [9.0, 0.5, 0.01],
                "ks": 0.1,
                "bins": 10,
                "train_missing_share": 0.0,
                "scored_missing_share": 0.0,
                "train_rows": 300,
                "scored_rows": 12,
                "psi_limit": 0.25,
            }
        ),
    }


def versions() -> pd.DataFrame:
    """An earlier version, the champion, and a challenger."""
    names = ["v1-old", VERSION, "v3-new"]
    return pd.DataFrame(
        {
            "model_version": names,
            "algorithm": "linear_svm",
            "calibration": "platt",
            "threshold": 0.3,
            "trained_at": pd.to_datetime(["2018-11-20", "2018-11-27", "2018-12-04"]),
            "train_from": date(2018, 10, 8),
            "train_to": date(2018, 10, 29),
            "train_rows": 300,
            "train_users": 120,
            "test_from": date(2018, 11, 12),
            "test_to": date(2018, 11, 19),
            "test_rows": 90,
            "test_users": 60,
            "test_positives": 7,
            "is_chosen": [True, True, False],
            "promotion_reason": ["first version of its label", "beats it", "<script>does not beat it</script>"],
            "metrics": json.dumps(METRICS),
        }
    )


def campaigns() -> pd.DataFrame:
    """One whose outcome is known, and the newest, whose is not."""
    return pd.DataFrame(
        {
            "campaign_id": ["autumn", "winter"],
            "as_of_date": [date(2018, 11, 12), NEWEST],
            "model_version": VERSION,
            "created_at": pd.to_datetime(["2018-11-13", "2018-12-04"]),
            "budget": 100.0,
            "offer_cost": 2.0,
            "save_rate": 0.3,
            "customer_value": 60.0,
            "treatment_users": [60, 10],
            "treatment_known": [60, 1],
            "treatment_left": [6, 1],
            "control_users": [40, 2],
            "control_known": [40, 0],
            "control_left": [16, 0],
            "expected_saved": 3.0,
            "expected_value": 50.0,
            "expected_value_low": 10.0,
            "expected_value_high": 90.0,
            "churn_rate": 0.2,
        }
    )


def written(folder: Path, publication: Publication = PUBLICATION, **other: pd.DataFrame | None) -> Store:
    """Write the store, with other tables (None: without), and open it."""
    write_store(folder / "serving", publication, tables() | other)
    return Stores(folder / "serving").newest()


def client(folder: Path, *, read_only: bool = False) -> FlaskClient:
    """A client of the app on what was written to a folder."""
    return create_app(Settings(folder / "serving", folder / "reports", read_only=read_only)).test_client()


def csrf(of: FlaskClient, page: str) -> str:
    """The token of a form of a page."""
    text = of.get(page).get_data(as_text=True)
    return text.split('name="csrf_token" value="')[1].split('"')[0]
