"""dbt's documentation as one page beside the report: whole, of this project, and without anything of the machine."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any

import pytest
from browser import chromium, visit

from cli.jobs import reporting
from cli.jobs.dbt_docs import CATALOG, MANIFEST, catalog, docs_page, without_machine, write_dbt_docs
from cli.machine.home import REPOSITORY, Home

if TYPE_CHECKING:
    from pathlib import Path

TEMPLATE = f"<script>manifest: {MANIFEST}, catalog: {CATALOG}</script>"
READY_MS = 60_000


def node(**others: Any) -> dict[str, Any]:  # noqa: ANN401
    columns = {"user_id": {"name": "user_id", "data_type": "string"}, "env": {"name": "env"}}
    return {
        "unique_id": "model.sparkhouse.m",
        "resource_type": "model",
        "schema": "marts",
        "name": "m",
        "config": {"materialized": "table", "meta": {"owner": "us"}},
        "columns": columns,
        "compiled_path": "/home/me/var/dbt/m.sql",
        "build_path": "/home/me/var/dbt/run/m.sql",
        "raw_code": "select 1",
        **others,
    }


def manifest(**others: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "metadata": {"dbt_version": "1.11.16", "user_id": "me", "env": {"TOKEN": "secret"}},
        "nodes": {"model.sparkhouse.m": node(**others), "test.sparkhouse.t": {"resource_type": "test"}},
        "sources": {},
        "macros": {
            "macro.dbt.run_query": {"package_name": "dbt", "macro_sql": "theirs"},
            "macro.sparkhouse.ratio": {"package_name": "sparkhouse", "macro_sql": "ours"},
        },
        "parent_map": {"model.sparkhouse.m": ["source.sparkhouse.raw.events"]},
    }


def inlined(page: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The manifest and the catalogue of a page of `TEMPLATE`."""
    found = re.fullmatch(r"<script>manifest: (.*), catalog: (.*)</script>", page)
    assert found
    return json.loads(found[1]), json.loads(found[2])


def test_types_of_columns_are_those_of_the_yaml() -> None:
    entry = catalog(manifest())["nodes"]["model.sparkhouse.m"]
    assert {name: (column["type"], column["index"]) for name, column in entry["columns"].items()} == {
        "user_id": ("string", 1),
        "env": ("", 2),
    }
    assert entry["metadata"]["owner"] == "us"


def test_only_models_and_sources_are_tables() -> None:
    assert set(catalog(manifest())["nodes"]) == {"model.sparkhouse.m"}


def test_paths_users_and_variables_of_the_machine_are_blanked_and_columns_of_such_names_are_not() -> None:
    shown = without_machine(manifest())
    model = shown["nodes"]["model.sparkhouse.m"]
    assert (model["compiled_path"], model["build_path"]) == (None, None)
    assert set(model["columns"]) == {"user_id", "env"}
    assert model["columns"]["user_id"] == {"name": "user_id", "data_type": "string"}
    assert (shown["metadata"]["env"], shown["metadata"]["user_id"]) == (None, None)
    assert set(shown["macros"]) == {"macro.sparkhouse.ratio"}
    assert shown["parent_map"] == manifest()["parent_map"]


def test_a_path_in_a_text_is_named_by_its_variable() -> None:
    machine = {"/home/me/var": "$SPARKHOUSE_HOME"}
    page = docs_page(manifest(description="in /home/me/var/warehouse, not /home/me/various"), TEMPLATE, machine)
    shown = inlined(page)[0]["nodes"]["model.sparkhouse.m"]["description"]
    assert shown == "in $SPARKHOUSE_HOME/warehouse, not /home/me/various"


def test_no_text_ends_the_script() -> None:
    page = docs_page(manifest(description="</script><script>alert(1)</script>"), TEMPLATE, {})
    assert page.count("</script>") == 1
    assert "alert(1)" in inlined(page)[0]["nodes"]["model.sparkhouse.m"]["description"]


@pytest.fixture
def state(tmp_path: Path) -> Home:
    """A state folder of its own in which dbt has left a manifest."""
    state = Home(tmp_path)
    state.dbt_manifest.parent.mkdir(parents=True)
    state.dbt_manifest.write_text(json.dumps(manifest()))
    return state


def test_before_dbt_has_run_there_is_nothing_to_write(tmp_path: Path) -> None:
    assert write_dbt_docs(Home(tmp_path)) is None
    assert not Home(tmp_path).dbt_docs.exists()


def test_the_page_is_written_anew_only_after_dbt_has_run_again(state: Home) -> None:
    os.utime(state.dbt_manifest, (1, 1))
    assert write_dbt_docs(state) is None
    assert "select 1" in state.dbt_docs.read_text()
    state.dbt_docs.write_text("as it was")
    assert write_dbt_docs(state) is None
    assert state.dbt_docs.read_text() == "as it was"
    later = state.dbt_docs.stat().st_mtime + 1
    os.utime(state.dbt_manifest, (later, later))
    assert write_dbt_docs(state) is None
    assert "select 1" in state.dbt_docs.read_text()


@pytest.mark.parametrize(
    "left", ["", "{", "[]", '{"nodes": {}}', '{"nodes": {"model.a": {}}, "sources": {}, "macros": {}}']
)
def test_a_manifest_that_cannot_be_read_is_told_in_a_line_and_the_old_page_stays(state: Home, left: str) -> None:
    state.dbt_docs.parent.mkdir()
    state.dbt_docs.write_text("as it was")
    os.utime(state.dbt_docs, (1, 1))
    state.dbt_manifest.write_text(left)
    told = write_dbt_docs(state)
    assert told
    assert told.startswith("dbt-docs.html could not be written: ")
    assert state.dbt_docs.read_text() == "as it was"


def test_a_page_that_cannot_be_put_in_its_place_is_told_in_a_line(state: Home) -> None:
    state.dbt_docs.mkdir(parents=True)
    assert "could not be written" in (write_dbt_docs(state) or "")


def test_the_report_leads_to_the_page_where_there_is_one(state: Home) -> None:
    assert dict(reporting._neighbours(state)) == {}  # noqa: SLF001
    write_dbt_docs(state)
    assert dict(reporting._neighbours(state)) == {"Models, columns and tests (dbt docs)": "dbt-docs.html"}  # noqa: SLF001


@pytest.fixture(scope="module")
def page(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of this project, of what dbt knows without a warehouse."""
    from dbt.cli.main import dbtRunner
    from dbt.contracts.graph.manifest import Manifest

    parsed = dbtRunner().invoke(["--quiet", "parse", "--target-path", str(tmp_path_factory.mktemp("target"))]).result
    assert isinstance(parsed, Manifest)
    state = Home(tmp_path_factory.mktemp("state"))
    state.dbt_manifest.parent.mkdir(parents=True)
    state.dbt_manifest.write_text(json.dumps(parsed.writable_manifest().to_dict(omit_none=False)))
    assert write_dbt_docs(state) is None
    (state.reports / "index.html").write_text("<h1>The report</h1>")
    text = state.dbt_docs.read_text()
    assert not [path for path in (REPOSITORY, home.path, state.path) if str(path) in text]
    return state.dbt_docs


def test_the_page_opens_from_disk_and_shows_columns_with_their_types(page: Path) -> None:
    with chromium() as browser, visit(browser) as visited:
        visited.page.goto(f"{page.as_uri()}#!/model/model.sparkhouse.fct_user_features")
        row = visited.page.locator("tr", has_text="song_count_7d").first
        row.wait_for(timeout=READY_MS)
        assert "bigint" in row.inner_text()
        visited.page.goto(f"{page.as_uri()}#!/source/source.sparkhouse.monitoring.feature_lineage")
        visited.page.locator("text=array<string>").first.wait_for(timeout=READY_MS)
        assert visited.faults == []


def test_the_overview_says_what_the_project_is_and_leads_to_the_report(page: Path) -> None:
    with chromium() as browser, visit(browser) as visited:
        visited.page.goto(page.as_uri())
        visited.page.locator("h1", has_text="Sparkhouse").wait_for(timeout=READY_MS)
        for link in visited.page.locator("a[href*='model.sparkhouse.']").all():
            model = (link.get_attribute("href") or "").rpartition("/")[2]
            assert f'"unique_id": "{model}"' in page.read_text()
        visited.page.locator("a", has_text="the report").click()
        visited.page.locator("h1", has_text="The report").wait_for(timeout=READY_MS)
        assert visited.faults == []
