"""What is known of the labels: it is read beside the model, what is wrong is told, and the real one lacks nothing."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from warehouse.contract.dbt_yaml import loaded
from warehouse.contract.labels import LABEL_CATALOGUE, MODEL, BrokenLabels, Label, default_label, label_named, labels

if TYPE_CHECKING:
    from collections.abc import Callable

GOOD = {
    "horizons_ahead": 2,
    "means_leaving": True,
    "is_memoryless": False,
    "plausible_share": [0, 0.5],
    "raises": "risk",
}


def column(**meta: object) -> dict[str, Any]:
    """A label, good but for what is given; None leaves a key out."""
    kept = {key: value for key, value in {**GOOD, **meta}.items() if value is not None}
    return {"name": "will_move", "data_type": "boolean", "config": {"meta": kept}}


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., tuple[Label, ...]]:
    """Read a file with these columns of the table, and its key."""

    def of(*columns: dict[str, Any]) -> tuple[Label, ...]:
        model = {"name": MODEL, "columns": [{"name": "user_id", "data_type": "string"}, *columns]}
        (tmp_path / "marts.yml").write_text(yaml.safe_dump({"models": [model]}))
        return labels(tmp_path / "marts.yml")

    return of


def test_a_label_is_read_whole(read: Callable[..., tuple[Label, ...]]) -> None:
    (label,) = read(column())
    assert label == Label(
        "will_move", 2, means_leaving=True, is_memoryless=False, plausible_share=(0, 0.5), raises="risk"
    )


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        ({"horizons_ahead": None}, "horizons_ahead is missing: a whole number of horizons"),
        ({"horizons_ahead": 0}, "horizons_ahead must be a whole number of horizons, 1 or more, not 0"),
        ({"horizons_ahead": True}, "horizons_ahead must be a whole number of horizons, 1 or more, not True"),
        ({"means_leaving": "yes"}, "means_leaving must be true or false, not 'yes'"),
        ({"plausible_share": [0.5, 0.1]}, r"plausible_share must be \[lowest, highest\], .* not \[0.5, 0.1\]"),
        ({"plausible_share": [0, 50]}, r"plausible_share must be \[lowest, highest\], shares from 0 to 1"),
        ({"plausible_share": [0.1]}, r"plausible_share must be \[lowest, highest\]"),
        ({"plausible_share": 0.1}, r"plausible_share must be \[lowest, highest\]"),
        ({"raises": "hope"}, "raises must be risk or likelihood, not 'hope'"),
        ({"raises": ["risk"]}, r"raises must be risk or likelihood, not \['risk'\]"),
        ({"horizon": 1}, "'horizon' is not known: the keys are horizons_ahead, means_leaving"),
    ],
    ids=str,
)
def test_what_is_wrong_is_told_with_its_label(
    read: Callable[..., tuple[Label, ...]], broken: dict[str, object], fault: str
) -> None:
    with pytest.raises(BrokenLabels, match=f"The labels in marts.yml need mending:\nwill_move: {fault}"):
        read(column(**broken))


def test_a_table_without_labels_is_told(read: Callable[..., tuple[Label, ...]]) -> None:
    with pytest.raises(BrokenLabels, match="fct_churn_labels has no boolean column"):
        read()


def test_a_label_looks_as_far_ahead_as_its_description_says() -> None:
    columns = next(model["columns"] for model in loaded(LABEL_CATALOGUE)["models"] if model["name"] == MODEL)
    ends = {column["name"]: re.search(r"\+ (\d?)h\)", column["description"]) for column in columns}
    for label in labels():
        end = ends[label.name]
        assert end
        assert label.horizons_ahead == int(end[1] or 1), label.name


def test_where_no_label_is_named_the_first_is_meant() -> None:
    assert default_label() == "churned_in_time_bin"
    assert label_named(default_label()) is labels()[0]


def test_the_labels_are_read_without_spark_dbt_and_pandas() -> None:
    code = "import sys; from warehouse.contract.labels import labels; labels(); print(' '.join(sys.modules))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert not {"pyspark", "dbt", "pandas", "numpy", "sqlglot"} & set(ended.stdout.split())
