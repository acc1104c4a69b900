"""The encoder: NumPy and Spark make the same elements of the same rows, and JSON keeps them."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pyspark.ml.functions import vector_to_array
from pyspark.sql import functions as F
from pyspark.sql.types import (
    BooleanType,
    DecimalType,
    DoubleType,
    LongType,
    StringType,
    StructField,
    StructType,
)

from models_ml.dataset.arrow import arrow_tables, columns_of
from models_ml.dataset.vectors import ALL, assembly, input_column
from models_ml.portable.behaviour import BehaviourClasses
from models_ml.portable.encoder import Encoder
from models_ml.portable.rate import Rate

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from models_ml.portable.arrays import Floats

NAN = float("nan")
SCHEMA = StructType(
    [
        StructField("songs", LongType()),
        StructField("minutes", DoubleType()),
        StructField("slope", DoubleType()),
        StructField("price", DecimalType(8, 2)),
        StructField("has_downgraded", BooleanType()),
        StructField("level", StringType()),
        StructField("browser", StringType()),
        StructField("adverts", LongType()),
        StructField("days", DoubleType()),
    ]
)
ROWS: list[tuple[Any, ...]] = [
    (120, 61.5, -0.75, Decimal("9.99"), True, "paid", "Chrome", 14, 20.5),
    (0, 0.0, 0.0, Decimal("0.00"), False, "free", "O'Browser", 0, 0.0),
    (None, None, None, None, None, None, None, None, None),
    (7, NAN, 1e-9, Decimal("-3.50"), True, "trial", 'back\\slash "quoted"', 2, NAN),
    (3_000_000_000, 1e12, -1e12, Decimal("999999.99"), False, "", "o'browser", 4000, 1.0),
]
ENCODER = Encoder(
    medians={"songs": 42.0, "minutes": 33.25, "slope": -0.1, "price": 4.99, "has_downgraded": 0.0},
    missing=("songs", "minutes"),
    levels={"level": ("free", "paid"), "browser": ("Chrome", "O'Browser", 'back\\slash "quoted"')},
    rates=(Rate("songs_per_day", "songs", "days", 2.5, 0.125),),
    behaviour=BehaviourClasses(("adverts", "songs"), ("songs", "days"), (0.75, 0.25), ((0.02, 3.0), (0.1, 1.5))),
)


@pytest.fixture(scope="module")
def by_numpy_and_spark(spark: SparkSession) -> tuple[Floats, Floats]:
    """The elements of the same rows, made by either."""
    frame = spark.createDataFrame(ROWS, SCHEMA).coalesce(1)
    (table,) = arrow_tables(frame)
    vectors = assembly(ENCODER).transform(frame).select(vector_to_array(F.col(input_column(ALL))))
    return ENCODER.matrix(columns_of(table)), np.array([row[0] for row in vectors.collect()])


def element(elements: Floats, name: str) -> list[float]:
    column: list[float] = elements[:, list(ENCODER.elements).index(name)].tolist()
    return column


def test_numpy_makes_what_spark_makes(by_numpy_and_spark: tuple[Floats, Floats]) -> None:
    by_numpy, by_spark = by_numpy_and_spark
    assert by_numpy.shape == by_spark.shape == (len(ROWS), len(ENCODER.elements))
    assert by_numpy == pytest.approx(by_spark, rel=1e-12, abs=1e-12)


def test_a_number_is_the_log_of_its_size_with_its_sign(by_numpy_and_spark: tuple[Floats, Floats]) -> None:
    by_numpy, _ = by_numpy_and_spark
    logs = [np.log(121.0), 0.0, np.log(43.0), np.log(8.0), np.log(3_000_000_001.0)]
    assert element(by_numpy, "songs") == pytest.approx(logs)
    assert element(by_numpy, "slope")[0] == pytest.approx(-np.log(1.75))
    assert element(by_numpy, "price")[3] == pytest.approx(-np.log(4.5))
    assert element(by_numpy, "has_downgraded") == pytest.approx([np.log(2.0), 0.0, 0.0, np.log(2.0), 0.0])


def test_null_and_nan_are_missing_and_have_the_median(by_numpy_and_spark: tuple[Floats, Floats]) -> None:
    for elements in by_numpy_and_spark:
        assert element(elements, "minutes__is_missing") == [0, 0, 1, 1, 0]
        assert element(elements, "songs__is_missing") == [0, 0, 1, 0, 0]
        assert element(elements, "minutes")[2:4] == pytest.approx([np.log(34.25)] * 2)


def test_a_level_is_itself_and_an_unseen_one_is_none(by_numpy_and_spark: tuple[Floats, Floats]) -> None:
    for elements in by_numpy_and_spark:
        assert element(elements, "level=free") == [0, 1, 0, 0, 0]
        assert element(elements, "level=paid") == [1, 0, 0, 0, 0]
        assert element(elements, "browser=O'Browser") == [0, 1, 0, 0, 0]
        assert element(elements, 'browser=back\\slash "quoted"') == [0, 0, 0, 1, 0]


def test_rates_and_classes_follow_their_formulas(by_numpy_and_spark: tuple[Floats, Floats]) -> None:
    by_numpy, _ = by_numpy_and_spark
    none, half = np.log(2.5 / 0.125), np.log(9.5 / 0.125)
    assert element(by_numpy, "songs_per_day")[1:4] == pytest.approx([none, none, half])
    assert element(by_numpy, "behaviour_1")[1:3] == pytest.approx([0.75, 0.75])
    assert by_numpy[:, -2:].sum(axis=1) == pytest.approx(1.0)


def test_an_encoder_comes_back_from_json() -> None:
    restored = Encoder.from_json(json.loads(json.dumps(ENCODER.to_json())))
    assert restored == ENCODER
    assert restored.elements == ENCODER.elements


def test_an_encoder_without_rates_and_classes_comes_back_too() -> None:
    plain = Encoder({"songs": 1.0}, (), {})
    assert Encoder.from_json(json.loads(json.dumps(plain.to_json()))) == plain
    assert plain.matrix({"songs": np.array([np.e - 1, NAN])}) == pytest.approx(np.array([[1.0], [np.log(2.0)]]))


def test_inputs_are_all_columns_that_are_read_once_each() -> None:
    columns = ("songs", "minutes", "slope", "price", "has_downgraded", "level", "browser")
    assert ENCODER.columns == columns
    assert ENCODER.inputs == (*columns, "days", "adverts")
    assert list(ENCODER.elements) == [
        *("songs", "minutes", "slope", "price", "has_downgraded", "songs__is_missing", "minutes__is_missing"),
        *("level=free", "level=paid", "browser=Chrome", "browser=O'Browser", 'browser=back\\slash "quoted"'),
        *("songs_per_day", "behaviour_1", "behaviour_2"),
    ]
