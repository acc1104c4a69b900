"""The other floor: the job of `floor_pyspark.py` in one process, with DuckDB and scikit-learn. It needs Python 3.11.

python tests/benchmarks/floor_duckdb.py LOG OUTPUT_FOLDER
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import duckdb
from floor_pyspark import CANCEL_FLOW, HORIZON_DAYS, MEASURES, PAGES, WINDOWS
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

KEYS = ("user_id", "as_of_date", "label")
COUNTS = ", ".join(f"count(*) filter (page = '{page}') as {name}" for name, page in PAGES.items())
WINDOWED = ", ".join(
    f"sum(case when as_of_date - event_date <= {days} then {measure} else 0 end)::double as {measure}_{days}d"
    for measure in MEASURES
    for days in WINDOWS
)
EVENTS = """
    create table events as
    select "userId" as user_id, "sessionId" as session_id, page, gender, registration, length,
           make_timestamp(ts * 1000)::date as event_date
    from read_json(?, format = 'newline_delimited', columns = {
        ts: 'bigint', "userId": 'varchar', "sessionId": 'bigint', page: 'varchar', gender: 'varchar',
        registration: 'bigint', length: 'double'})
    where "userId" <> '' and registration is not null
"""
USER_DAYS = f"""
    create table user_days as
    select user_id, event_date, {COUNTS}, count(distinct session_id) as session, sum(length) as listened_seconds,
           1 as active_day
    from events where page not in {CANCEL_FLOW} group by all
"""
FEATURES = f"""
    create table features as
    with users as (
        select user_id, min(event_date) as first_date, make_timestamp(min(registration) * 1000)::date as registered_on,
               min(event_date) filter (page = 'Cancellation Confirmation') as cancel_date, max(gender) as gender
        from events group by user_id
    ), bounds as (select min(event_date) as first, max(event_date) as last from events),
    mondays as (
        select unnest(generate_series(first + (8 - isodow(first))::int, last, interval 7 day))::date as as_of_date
        from bounds
    ), spine as (
        select users.*, as_of_date, case when as_of_date + {HORIZON_DAYS} <= (select last from bounds)
            then coalesce(cancel_date < as_of_date + {HORIZON_DAYS}, false)::int end as label
        from users, mondays
        where first_date < as_of_date and (cancel_date is null or cancel_date >= as_of_date)
    )
    select user_id, as_of_date, label, {WINDOWED}, as_of_date - max(event_date) as days_since_last_event,
           as_of_date - registered_on as tenure_days, (gender = 'F')::int as is_female
    from spine join user_days using (user_id)
    where event_date < as_of_date
    group by user_id, as_of_date, label, registered_on, gender
"""


def main(log: str, output: Path) -> None:
    """From the log to the predictions of three models."""
    started = time.monotonic()
    output.mkdir(parents=True, exist_ok=True)
    base = duckdb.connect(config={"threads": 2})
    base.execute(EVENTS, [log])
    base.execute(USER_DAYS)
    base.execute(FEATURES)
    for table in ("user_days", "features"):
        base.execute(f"copy {table} to '{output / table}.parquet'")
    print(f"parse to features: {time.monotonic() - started:.1f} s")

    rows: Any = base.table("features").df().fillna({"is_female": 0})
    columns = [name for name in rows.columns if name not in KEYS]
    rows[columns] = rows[columns].fillna(0)
    labelled = rows[rows["label"].notna()]
    age = (labelled["as_of_date"].max() - labelled["as_of_date"]).dt.days
    test, train = labelled[age < HORIZON_DAYS], labelled[age >= 2 * HORIZON_DAYS - 7]
    newest = rows[rows["as_of_date"] == rows["as_of_date"].max()]
    # What MLlib fits where nothing is said.
    models = (
        LogisticRegression(max_iter=50),
        RandomForestClassifier(n_estimators=20, max_depth=5, n_jobs=2),
        GradientBoostingClassifier(n_estimators=20, max_depth=5),
    )
    for classifier in models:
        model = make_pipeline(StandardScaler(), classifier).fit(train[columns], train["label"])
        name = type(classifier).__name__
        area = roc_auc_score(test["label"], model.predict_proba(test[columns])[:, 1])
        scored = newest[["user_id", "as_of_date"]].assign(prediction=model.predict(newest[columns]))
        scored.to_parquet(output / f"predictions-{name}.parquet")
        print(f"{name}: test AUC {area:.3f}, {time.monotonic() - started:.1f} s so far")
    print(f"all: {time.monotonic() - started:.1f} s")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
