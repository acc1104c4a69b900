"""A plain Flask page as notebooks end in one: pandas holds all rows, a pickled scikit-learn model scores.

    python tests/benchmarks/plain_flask.py FOLDER PORT

FOLDER is one that `write_inputs` has filled: tables as CSV, features as Parquet, the model as a pickle.
"""

from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from flask import Flask, abort, jsonify, render_template_string, request

if TYPE_CHECKING:
    from flask import Response

    from models_ml.serving.store import Store

TABLES = ("customers", "predictions", "sessions")
INPUTS = (
    *("session_count_lifetime", "song_count_lifetime", "advert_count_lifetime", "thumbs_up_count_lifetime"),
    *("thumbs_down_count_lifetime", "days_since_last_event"),
)
PAGE_ROWS = 50
TABLE = """
<table><tr>{% for name in rows.columns %}<th>{{ name }}</th>{% endfor %}</tr>
{% for row in rows.itertuples(index=False) %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>{% endfor %}
</table>
"""
LIST = f"<!doctype html><title>Customers</title><h1>Customers</h1><p>{{{{ matching }}}} match</p>{TABLE}"
PART = f"<h1>{{{{ title }}}}</h1>{TABLE}"
CUSTOMER = f"<!doctype html><title>Customer</title>{{% for title, rows in parts %}}{PART}{{% endfor %}}"


def write_inputs(store: Store, folder: Path) -> None:
    """Write what the page reads, of the rows of a store."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    for name in TABLES:
        pd.DataFrame(store.rows(f"select * from {name}")).to_csv(folder / f"{name}.csv", index=False)
    rows = store.rows("select user_id, features from snapshots where is_newest = 1")
    features = pd.DataFrame([{"user_id": row["user_id"]} | json.loads(row["features"]) for row in rows])
    features.to_parquet(folder / "features.parquet")
    gone = {row["user_id"] for row in store.rows("select user_id from customers where risk_decile <= 2")}
    model = make_pipeline(StandardScaler(), LogisticRegression())
    model.fit(features[list(INPUTS)].fillna(0.0), features["user_id"].isin(gone))
    (folder / "model.pkl").write_bytes(pickle.dumps(model))


def create_plain(folder: Path) -> Flask:
    """Return the app with all rows in memory."""
    app = Flask(__name__)
    tables = {name: pd.read_csv(folder / f"{name}.csv", dtype={"user_id": str}) for name in TABLES}
    features = pd.read_parquet(folder / "features.parquet")
    usual = features[list(INPUTS)].median()
    model = pickle.loads((folder / "model.pkl").read_bytes())  # noqa: S301 - as such pages do; ours, made here

    @app.get("/customers")
    def customers() -> str:
        found = _filtered(tables["customers"], request.args).sort_values("probability", ascending=False)
        first = PAGE_ROWS * (int(request.args.get("page", "1")) - 1)
        return render_template_string(LIST, rows=found[first : first + PAGE_ROWS], matching=len(found))

    @app.get("/customers/<path:user_id>")
    def customer(user_id: str) -> str:
        parts = {name: rows[rows["user_id"] == user_id] for name, rows in tables.items()}
        own = features[features["user_id"] == user_id]
        if parts["customers"].empty:
            abort(404)
        now = pd.DataFrame(
            {"probability": model.predict_proba(own[list(INPUTS)].fillna(0.0))[:, 1] if len(own) else []}
        )
        return render_template_string(CUSTOMER, parts=[*parts.items(), ("features", own), ("now", now)])

    @app.post("/api/v1/score")
    def score() -> Response:
        asked = pd.DataFrame(request.get_json()["customers"]).reindex(columns=list(INPUTS))
        found = model.predict_proba(asked.astype(np.float64).fillna(usual))[:, 1]
        return jsonify(probabilities=found.tolist())

    return app


def _filtered(rows: pd.DataFrame, asked: Any) -> pd.DataFrame:  # noqa: ANN401 - the arguments of a request
    if level := asked.get("level"):
        rows = rows[rows["level"] == level]
    if decile := asked.get("decile"):
        rows = rows[rows["risk_decile"] == int(decile)]
    if least := asked.get("probability_from"):
        rows = rows[rows["probability"] >= float(least)]
    if text := asked.get("q"):
        texts = [rows[name].fillna("").str.contains(text, regex=False) for name in ("user_id", "state", "metro")]
        rows = rows[np.logical_or.reduce(texts)]
    return rows


if __name__ == "__main__":
    create_plain(Path(sys.argv[1])).run(port=int(sys.argv[2]), threaded=True)
