"""The floor: one hand-written PySpark script from a raw log to three fitted churn models, nothing tuned or checked.

It does what a careful person writes in an afternoon: parse, user-days, windows at Monday snapshots, labels, three MLlib
fits, test scores, predictions. No tables to query, no tests, no gate, no calibration, no history. `run_vs_floor.py`
measures `sparkhouse run` against it.

    python tests/benchmarks/floor_pyspark.py LOG OUTPUT_FOLDER
"""

from __future__ import annotations

import sys
import time
from datetime import date, timedelta
from pathlib import Path

from pyspark.ml import Pipeline
from pyspark.ml.classification import GBTClassifier, LogisticRegression, RandomForestClassifier
from pyspark.ml.evaluation import BinaryClassificationEvaluator
from pyspark.ml.feature import StandardScaler, VectorAssembler
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

HORIZON_DAYS = 14
WINDOWS = (1, 7, 14, 28)
PAGES = {
    "song": "NextSong",
    "home": "Home",
    "thumbs_up": "Thumbs Up",
    "thumbs_down": "Thumbs Down",
    "playlist": "Add to Playlist",
    "friend": "Add Friend",
    "advert": "Roll Advert",
    "logout": "Logout",
    "downgrade": "Downgrade",
    "upgrade": "Upgrade",
    "settings": "Settings",
    "help": "Help",
    "error": "Error",
}
MEASURES = (*PAGES, "session", "listened_seconds", "active_day")
CANCEL_FLOW = ("Cancel", "Cancellation Confirmation")


def parse(spark: SparkSession, log: str) -> DataFrame:
    events = spark.read.json(log).where("userId <> '' and registration is not null")
    return (
        events.withColumn("occurred_at", F.timestamp_millis("ts"))
        .withColumn("event_date", F.to_date("occurred_at"))
        .drop("firstName", "lastName")
    )


def user_days(events: DataFrame) -> DataFrame:
    counts = [F.sum((F.col("page") == page).cast("int")).alias(name) for name, page in PAGES.items()]
    return (
        events.where(~F.col("page").isin(*CANCEL_FLOW))
        .groupBy("userId", "event_date")
        .agg(
            *counts,
            F.countDistinct("sessionId").alias("session"),
            F.sum("length").alias("listened_seconds"),
            F.lit(1).alias("active_day"),
        )
    )


def snapshots(spark: SparkSession, events: DataFrame) -> DataFrame:
    first, last = events.agg(F.min("event_date"), F.max("event_date")).first()  # type: ignore[misc]
    monday = first + timedelta(days=7 - first.weekday())
    dates: list[tuple[date]] = []
    while monday <= last:
        dates.append((monday,))
        monday += timedelta(days=7)
    users = events.groupBy("userId").agg(
        F.min("event_date").alias("first_date"),
        F.min(F.when(F.col("page") == "Cancellation Confirmation", F.col("event_date"))).alias("cancel_date"),
        F.to_date(F.timestamp_millis(F.min("registration"))).alias("registered_on"),
        F.max("gender").alias("gender"),
    )
    spine = users.crossJoin(spark.createDataFrame(dates, "as_of_date date"))
    seen = F.col("first_date") < F.col("as_of_date")
    alive = F.col("cancel_date").isNull() | (F.col("cancel_date") >= F.col("as_of_date"))
    known = F.date_add("as_of_date", HORIZON_DAYS) <= F.lit(last)
    churned = F.coalesce(F.col("cancel_date") < F.date_add("as_of_date", HORIZON_DAYS), F.lit(0) == 1).cast("int")
    return spine.where(seen & alive).withColumn("label", F.when(known, churned))


def windowed(measure: str, days: int) -> Column:
    inside = F.datediff("as_of_date", "event_date") <= days
    return F.sum(F.when(inside, F.col(measure)).otherwise(0)).cast("double").alias(f"{measure}_{days}d")


def features(spine: DataFrame, days: DataFrame) -> DataFrame:
    sums = [windowed(measure, window) for measure in MEASURES for window in WINDOWS]
    past = spine.join(days, "userId", "left").where(F.col("event_date") < F.col("as_of_date"))
    return (
        past.groupBy("userId", "as_of_date", "label", "registered_on", "gender")
        .agg(*sums, F.datediff("as_of_date", F.max("event_date")).alias("days_since_last_event"))
        .withColumn("tenure_days", F.datediff("as_of_date", "registered_on"))
        .withColumn("is_female", (F.col("gender") == "F").cast("int"))
    )


def main(log: str, output: str) -> None:
    started = time.monotonic()
    settings: dict[str, bool | float | int | str | None] = {
        "spark.sql.session.timeZone": "UTC",
        "spark.ui.showConsoleProgress": "false",
    }
    spark = SparkSession.builder.appName("floor").config(map=settings).getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    events = parse(spark, log).cache()
    days = user_days(events)
    days.write.mode("overwrite").parquet(f"{output}/user_days")
    features(snapshots(spark, events), spark.read.parquet(f"{output}/user_days")).write.mode("overwrite").parquet(
        f"{output}/features"
    )
    print(f"parse to features: {time.monotonic() - started:.1f} s")

    table = spark.read.parquet(f"{output}/features")
    columns = [c for c in table.columns if c not in {"userId", "as_of_date", "label", "registered_on", "gender"}]
    table = table.fillna(0, subset=columns)
    labelled = table.where("label is not null").cache()
    last_known = labelled.agg(F.max("as_of_date")).first()[0]  # type: ignore[index]
    test = labelled.where(F.col("as_of_date") > F.date_sub(F.lit(last_known), HORIZON_DAYS)).cache()
    train = labelled.where(F.col("as_of_date") <= F.date_sub(F.lit(last_known), 2 * HORIZON_DAYS - 7)).cache()
    evaluator = BinaryClassificationEvaluator()
    newest = table.where(F.col("as_of_date") == table.agg(F.max("as_of_date")).first()[0])  # type: ignore[index]
    for estimator in (LogisticRegression(maxIter=50), RandomForestClassifier(), GBTClassifier()):
        assemble = VectorAssembler(inputCols=columns, outputCol="raw")
        scale = StandardScaler(inputCol="raw", outputCol="features")
        model = Pipeline(stages=[assemble, scale, estimator]).fit(train)
        area = evaluator.evaluate(model.transform(test))
        name = type(estimator).__name__
        model.transform(newest).select("userId", "as_of_date", "prediction").write.mode("overwrite").parquet(
            str(Path(output) / "predictions" / name)
        )
        print(f"{name}: test AUC {area:.3f}, {time.monotonic() - started:.1f} s so far")
    print(f"all: {time.monotonic() - started:.1f} s")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
