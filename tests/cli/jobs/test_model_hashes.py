"""Which change of the project makes a model whole, and what goes with it."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import pytest

from cli.jobs.dbt import parsed
from cli.jobs.model_hashes import model_hashes, project_vars, with_dependents

if TYPE_CHECKING:
    from collections.abc import Callable

    from dbt.contracts.graph.manifest import Manifest

    from cli.machine.home import Home

    Change = Callable[[Manifest], object]

WINDOWS, FEATURES = "model.sparkhouse.int_user_windows", "model.sparkhouse.fct_user_features"


@pytest.fixture(scope="module")
def manifest(home: Home) -> Manifest:  # noqa: ARG001 - dbt reads the state folder from the environment
    return parsed()


def changed(manifest: Manifest, change: Change) -> set[str]:
    """The models of other hashes after a change."""
    before = model_hashes(manifest, project_vars())
    other = deepcopy(manifest)
    change(other)
    return {name for name, hashed in model_hashes(other, project_vars()).items() if before[name] != hashed}


def test_there_is_a_hash_of_each_model_and_it_comes_out_again(manifest: Manifest) -> None:
    hashes = model_hashes(manifest, project_vars())
    assert {"stg_sparkify__events", "int_user_snapshots_trend", "fct_user_features"} < hashes.keys()
    assert hashes == model_hashes(parsed(), project_vars())


def test_sql_columns_and_configuration_are_of_one_model(manifest: Manifest) -> None:
    def sql(other: Manifest) -> None:
        other.nodes[WINDOWS].raw_code += " where true"

    def column(other: Manifest) -> None:
        other.nodes[WINDOWS].columns["user_id"].data_type = "bigint"

    def parts(other: Manifest) -> None:
        other.nodes[WINDOWS].config["partition_by"] = "years(as_of_date)"

    for change in (sql, column, parts):
        assert changed(manifest, change) == {"int_user_windows"}, change.__name__


def test_a_macro_is_of_all_models_that_reach_it(manifest: Manifest) -> None:
    def inner(other: Manifest) -> None:
        other.macros["macro.sparkhouse.window_days"].macro_sql += " "

    def of_all_tables(other: Manifest) -> None:
        other.macros["macro.sparkhouse.write_rows_sql"].macro_sql += " "

    assert "int_user_windows" in changed(manifest, inner)
    assert "dim_users" not in changed(manifest, inner)
    assert {"dim_users", "fct_user_features"} < changed(manifest, of_all_tables)
    assert "int_user_snapshots_trend" not in changed(manifest, of_all_tables), "nothing writes what is ephemeral"


def test_a_var_is_of_all_models(manifest: Manifest) -> None:
    before, after = (model_hashes(manifest, {"horizon_days": days}) for days in (14, 28))
    assert all(before[name] != after[name] for name in before)


def test_what_is_said_of_a_model_decides_no_row(manifest: Manifest) -> None:
    def words(other: Manifest) -> None:
        other.nodes[FEATURES].description = "Other words."
        other.nodes[FEATURES].columns["user_id"].description = "Other words."

    assert changed(manifest, words) == set()


def test_what_is_made_of_a_model_is_made_with_it(manifest: Manifest) -> None:
    assert with_dependents(manifest, []) == frozenset()
    assert with_dependents(manifest, ["fct_song_plays"]) == {"fct_song_plays"}
    of_labels = with_dependents(manifest, ["fct_churn_labels"])
    assert of_labels == {"fct_churn_labels", "fct_feature_distributions"}
    assert with_dependents(manifest, ["stg_sparkify__events"]) > {"int_user_windows", "fct_cancel_funnel"}


def test_an_ephemeral_model_goes_with_all_its_readers(manifest: Manifest) -> None:
    found = with_dependents(manifest, ["int_user_snapshots_trend"])
    assert found > {"fct_user_features", "int_user_snapshots_weighted"}
    assert "int_user_windows" not in found, "a table has its rows whoever reads it"
