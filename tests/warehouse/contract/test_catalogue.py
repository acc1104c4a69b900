"""The catalogue of features: what it says is read, what it lacks is told, and the real one lacks nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from warehouse.contract import catalogue
from warehouse.contract.catalogue import GROUPS, NO_FEATURES, BrokenCatalogue, features

if TYPE_CHECKING:
    from collections.abc import Callable

    from warehouse.contract.catalogue import Feature

GOOD = {
    "group": "rates",
    "formula": "adverts / songs",
    "unit": "adverts per song",
    "range": [0, None],
    "null_rule": "song_count_7d = 0",
    "leak_class": "hazard",
    "noun": "adverts per song",
}
KEYS = [{"name": name, "data_type": "string", "description": "A key."} for name in NO_FEATURES]
DOCS = "{% docs browser %}\nBrowser that the\nuser agent names.\n{% enddocs %}\n"


def column(name: str, data_type: str = "double", description: str = "A rate.", **meta: Any) -> dict[str, Any]:  # noqa: ANN401
    """An entry of the catalogue, good but for what is given; None leaves a key out."""
    kept = {key: value for key, value in {**GOOD, **meta}.items() if value is not None}
    return {"name": name, "data_type": data_type, "description": description, "config": {"meta": kept}}


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., tuple[Feature, ...]]:
    """Read a catalogue of these columns, and of songs."""

    def of(*columns: dict[str, Any]) -> tuple[Feature, ...]:
        songs = column("song_count_7d", "bigint", "Songs.", null_rule="never")
        (tmp_path / "docs.md").write_text(DOCS)
        model = {"name": "fct_user_features", "columns": [*KEYS, songs, *columns]}
        (tmp_path / "catalogue.yml").write_text(yaml.safe_dump({"models": [model]}))
        return features(tmp_path / "catalogue.yml", tmp_path / "docs.md")

    return of


def test_an_entry_is_read_whole(read: Callable[..., tuple[Feature, ...]]) -> None:
    songs, rate, browser = read(
        column("advert_per_song_7d", alarm={"will_lapse": "Who comes rarely stays away."}),
        column(
            "browser", "string", "{{ doc('browser') }} As\nat first.", range=["Opera", "Other"], null_rule="unrecorded"
        ),
    )
    assert songs.null_rule == "never"
    assert (rate.name, rate.data_type, rate.description) == ("advert_per_song_7d", "double", "A rate.")
    assert (rate.group, rate.formula, rate.unit) == ("rates", "adverts / songs", "adverts per song")
    assert (rate.lowest, rate.highest, rate.allowed) == (0, None, ())
    assert (rate.null_rule, rate.leak_class) == ("song_count_7d = 0", "hazard")
    assert rate.alarm == {"will_lapse": "Who comes rarely stays away."}
    assert (browser.lowest, browser.highest, browser.allowed) == (None, None, ("Opera", "Other"))
    assert browser.description == "Browser that the user agent names. As at first."


def test_what_an_entry_leaves_out_is_as_with_most_features(read: Callable[..., tuple[Feature, ...]]) -> None:
    left_out: dict[str, Any] = dict.fromkeys(("range", "null_rule", "leak_class"))
    _, rate, is_paying, browser = read(
        column("rate", **left_out), column("is_paying", "boolean", **left_out), column("browser", "string", **left_out)
    )
    assert (rate.lowest, rate.highest, rate.allowed) == (0, None, ())
    assert (is_paying.lowest, is_paying.highest, is_paying.allowed) == (None, None, ())
    assert (browser.lowest, browser.highest, browser.allowed) == (None, None, ())
    assert (rate.null_rule, rate.leak_class, rate.alarm, rate.form, rate.missing) == ("never", "none", {}, "count", "")


@pytest.mark.parametrize(
    "null_rule",
    [
        "song_count_7d = 0 or (as_of_date < date '2018-11-01' and browser not in ('never seen', 'or'))",
        "coalesce(song_count_7d, 0) > 1e3 and user_id is not null",
        "case when SONG_COUNT_7D between 1 and 2 then true else false end",
    ],
)
def test_a_null_rule_may_use_any_column_function_and_text(
    read: Callable[..., tuple[Feature, ...]], null_rule: str
) -> None:
    browser = column("browser", "string", range=[], null_rule="unrecorded")
    assert read(browser, column("rate", null_rule=null_rule))[-1].null_rule == null_rule


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        (column("x", unit=None), "x: unit is missing"),
        (column("x", formula=""), "x: formula is missing"),
        (column("x", description=""), "x: description is missing"),
        ({"name": "x"}, "x: group is missing"),
        (column("x", description="{{ doc('metro') }}"), "x: description names the doc block 'metro', which is not in"),
        (column("x", group="volumes"), "x: group 'volumes': Input should be 'volume', 'pages'"),
        (
            column("x", leak_class="some"),
            "x: leak_class 'some': Input should be 'none', 'tenure'",
        ),
        (column("x", range=[0]), r"x: range \[0\] is not \[lowest, highest\]"),
        (column("x", range=["0", 1]), r"x: range \['0', 1\] is not \[lowest, highest\]"),
        (column("x", range=[1, 0]), r"x: range \[1, 0\] has its lowest above its highest"),
        (column("x", "string", range=[0, 1]), r"x: range \[0, 1\] is not a list of values, as of a string"),
        (column("x", null_rule="songs = 0"), "x: null_rule names no column: songs"),
        (column("x", null_rule="nevr"), "x: null_rule names no column: nevr"),
        (column("x", alarm="It lapses."), "x: alarm 'It lapses.': Input should be a valid dictionary"),
        (
            column("x", alarm={"next_outcome": "So."}),
            "x: alarm names none of the labels .*will_lapse, will_upgrade: next_outcome",
        ),
        (column("x", alarm={"will_lapse": None}), "x: alarm.will_lapse is missing"),
        (column("x", nul_rule="never"), "x: 'nul_rule' is not known: the keys are group, formula, unit, null_rule"),
        (column("x", lowest=0), "x: lowest, highest, allowed are said as range"),
        (column("x", noun=None), "x: noun is missing"),
        (column("x", form="counts"), "x: form 'counts': Input should be 'count', 'share'"),
        (column("song_count_7d"), "song_count_7d: stands in the catalogue twice"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_is_told_with_its_column(
    read: Callable[..., tuple[Feature, ...]], broken: dict[str, Any], fault: str
) -> None:
    with pytest.raises(BrokenCatalogue, match=fault):
        read(broken)


def test_all_faults_are_told_at_once_one_a_line(read: Callable[..., tuple[Feature, ...]]) -> None:
    with pytest.raises(BrokenCatalogue) as broken:
        read(column("x", unit=None, leak_class="some"), column("y"), column("z", null_rule="songs = adverts"))
    told = str(broken.value).splitlines()
    assert told[0] == "The catalogue of features, catalogue.yml, needs mending:"
    assert [line.split(":")[0] for line in told[1:]] == ["x", "x", "z"]


def test_every_column_of_the_contract_is_a_key_or_a_feature_and_no_group_is_empty() -> None:
    model = yaml.safe_load(catalogue.CATALOGUE.read_text())["models"][0]
    columns = [column["name"] for column in model["columns"]]
    known = features()
    assert [*NO_FEATURES, *(feature.name for feature in known)] == columns
    assert len(known) >= 120
    assert {feature.group for feature in known} == set(GROUPS)
    assert not [feature.name for feature in known if "{" in feature.description]


def test_the_catalogue_is_read_without_spark_dbt_and_pandas() -> None:
    code = "import sys; from warehouse.contract.catalogue import features; features(); print(' '.join(sys.modules))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert not {"pyspark", "dbt", "pandas", "numpy", "sqlglot"} & set(ended.stdout.split())
