"""The main job from a raw log to a predictions table, on a simulated log with two complete real users in it."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from browser import PHONE, WIDE, chromium, visit
from pyspark.sql import functions as F
from readmes import commands_of
from real_users import REAL_USERS, append_real_users

from cli.jobs import landing, publishing
from models_ml.reports.pages import PAGES as REPORT_PAGES
from models_ml.serving.answers import overview
from models_ml.serving.app import create_app
from models_ml.serving.scoring import scores
from models_ml.serving.store import Stores
from models_ml.serving.web.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from browser import Scheme, Visit
    from playwright.sync_api import Browser
    from pyspark.sql import SparkSession

    from cli.machine.home import Home
    from cli.printing.run_report import RunReport

REPOSITORY = Path(__file__).resolve().parents[3]
SPARKHOUSE = Path(sys.executable).with_name("sparkhouse")
PAGES = {
    "page_about_hourly": "About",
    "page_add_friend_hourly": "Add Friend",
    "page_add_to_playlist_hourly": "Add to Playlist",
    "page_downgrade_hourly": "Downgrade",
    "page_error_hourly": "Error",
    "page_help_hourly": "Help",
    "page_home_hourly": "Home",
    "page_logout_hourly": "Logout",
    "page_roll_advert_hourly": "Roll Advert",
    "page_save_settings_hourly": "Save Settings",
    "page_settings_hourly": "Settings",
    "page_submit_downgrade_hourly": "Submit Downgrade",
    "page_submit_upgrade_hourly": "Submit Upgrade",
    "page_thumbs_down_hourly": "Thumbs Down",
    "page_thumbs_up_hourly": "Thumbs Up",
    "page_upgrade_hourly": "Upgrade",
}


# What people play, and where they live, in the words of an attacker.
HOSTILE = {
    "Kings Of Leon": "</script><img src=x onerror='window.hostile = 1'><b>\u202e" + "x" * 10_000,
    "You're The One": "<a href='javascript:window.hostile = 1'>\"one\"</a>",
    "Tampa-St. Petersburg-Clearwater, FL": "<script>window.hostile = 1</script>, FL",
}


@dataclass(frozen=True)
class Ran:
    """The session after one run, and what the run left."""

    spark: SparkSession
    home: Home
    log: Path
    report: RunReport

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.spark.sql(query).collect()]

    def value(self, query: str) -> Any:  # noqa: ANN401 - whatever the query selects
        return self.rows(query)[0][0]


@pytest.fixture(scope="module")
def ran(
    empty_warehouse: SparkSession, home: Home, tmp_path_factory: pytest.TempPathFactory, shared_or_none: Path | None
) -> Ran:
    from cli.jobs.main_job import run_all
    from cli.jobs.modelling import TrainingWish
    from cli.runs.steps import Steps
    from warehouse.landing.simulator import SimulationSpec, simulate

    log = tmp_path_factory.mktemp("log") / "events.json"
    simulate(SimulationSpec(users=150, ids="random", seed=7), log)
    append_real_users(log, shared_or_none)
    for name, text in HOSTILE.items():
        log.write_text(log.read_text().replace(f'"{name}"', json.dumps(text)))
    report = run_all(str(log), TrainingWish("churned_in_time_bin"), Steps(quiet=True, run_id="test-run"))
    return Ran(empty_warehouse, home, log, report)


def test_every_line_of_the_log_is_accounted_for(ran: Ran) -> None:
    lines = ran.log.read_bytes().split(b"\n")
    blank = sum(not line.strip() for line in lines[:-1])
    counted = ran.rows("select line_count, accepted_count, rejected_count, blank_count from raw.ingested_files")
    assert counted == [(len(lines) - 1, len(lines) - 1 - blank, 0, blank)]


def test_the_predictions_table_scores_the_users_of_the_newest_snapshot(ran: Ran) -> None:
    scored = ran.rows("select user_id, as_of_date from ml.churn_predictions order by user_id")
    newest = ran.rows(
        "select user_id, as_of_date from marts.fct_user_features"
        " where as_of_date = (select max(as_of_date) from marts.fct_user_features) order by user_id"
    )
    assert scored == newest
    assert len(scored) > 50


def test_probabilities_are_probabilities_near_the_base_rate(ran: Ran) -> None:
    low, high, mean = ran.rows(
        "select min(churn_probability), max(churn_probability), avg(churn_probability) from ml.churn_predictions"
    )[0]
    base_rate = ran.value("select avg(cast(churned_in_time_bin as int)) from marts.fct_churn_labels")
    assert 0 <= low <= high <= 1
    assert base_rate / 3 < mean < 3 * base_rate


def test_the_model_is_honest_on_a_memoryless_log(ran: Ran) -> None:
    assert ran.report.training is not None
    models = ran.report.training.card.models
    assert set(models) == {
        "logistic_regression",
        "random_forest",
        "gradient_boosted_trees",
        "linear_svm",
        "multilayer_perceptron",
        "decision_tree",
        "best_single_feature",
        "no_skill",
    }
    assert models["no_skill"]["auc"].value == 0.5
    assert all(metrics["auc"].value < 0.9 for metrics in models.values()), "too good for this log: look for a leak"


def test_the_gate_left_its_results_and_its_site(ran: Ran) -> None:
    tables = ran.rows("select distinct table_name from monitoring.validation_results where run_id = 'test-run'")
    assert {name for (name,) in tables} == {
        "raw.events",
        "raw.ingested_files",
        "staging.stg_sparkify__events",
        "marts.fct_user_features",
        "marts.fct_churn_labels",
        "ml.churn_predictions",
        "monitoring.feature_drift",
        "monitoring.feature_label_auc",
    }
    broken = ran.rows("select distinct table_name from monitoring.validation_results where not success")
    assert broken == [], "a first run on the simulated log warns of nothing"
    assert (ran.home.data_docs / "index.html").is_file()


def test_run_json_tells_each_step(ran: Ran) -> None:
    record = json.loads((ran.home.reports / "run.json").read_text())
    warehouse, predictions = ["ingest", "build", "validate", "publish"], ["train", "predict", "validate", "publish"]
    assert [step["name"] for step in record["steps"]] == [*warehouse, *predictions, "export", "report"]
    assert {step["status"] for step in record["steps"]} == {"ok"}
    assert all(step["seconds"] > 0 and step["rows_in"] for step in record["steps"])


def test_a_run_with_nothing_new_does_nothing_again(ran: Ran) -> None:
    from cli.jobs.main_job import run_all
    from cli.jobs.modelling import TrainingWish
    from cli.runs.steps import Steps

    before = sorted(ran.rows("select table_name, snapshot_id_after from monitoring.publications"))
    steps = Steps(quiet=True, run_id="second-run")
    report = run_all(str(ran.log), TrainingWish("churned_in_time_bin"), steps)
    assert (report.training, report.predictions, report.has_predictions) == (None, None, True)
    assert {step.name: step.status for step in steps.done} == {"ingest": "ok", "build": "skipped", "train": "skipped"}
    details = {step.name: step.detail for step in steps.done}
    assert "neither the log nor a model nor a rule has changed since" in details["build"]
    assert "has learnt from all labels that are known" in details["train"]
    assert sorted(ran.rows("select table_name, snapshot_id_after from monitoring.publications")) == before


def test_no_personal_name_is_in_any_table(ran: Ran) -> None:
    first = json.loads(ran.log.read_text().partition("\n")[0])
    for namespace in ("raw", "staging", "intermediate", "marts", "ml", "monitoring"):
        for _, table, _ in ran.rows(f"show tables in {namespace}"):
            found = ran.spark.table(f"{namespace}.{table}")
            texts = [name for name, kind in found.dtypes if kind == "string"]
            names = [first["firstName"], first["lastName"]]
            hits = found.select([F.count_if(F.col(text).isin(names)).alias(text) for text in texts]).first()
            assert hits is not None
            assert set(hits) <= {0}, f"{namespace}.{table}: {hits}"


@pytest.mark.parametrize("user", REAL_USERS)
def test_a_real_user_has_the_counts_of_the_real_table(ran: Ran, shared: Path, user: str) -> None:
    table = pd.read_parquet(shared / "real_features" / "mini_225_users.parquet")
    real = table.loc[table["userId"] == int(user)].iloc[0]
    counted = ran.rows(
        "select count(*), count(distinct session_id), count_if(page = 'NextSong'), count(distinct artist),"
        f" count(distinct song) from staging.stg_sparkify__events where user_id = '{user}'"
    )
    wanted = ["count_logs", "count_sessions", "count_songs", "count_distinct_artists", "count_distinct_songs"]
    assert counted == [tuple(int(real[name]) for name in wanted)]
    pages = dict(
        ran.rows(f"select page, count(*) from staging.stg_sparkify__events where user_id = '{user}' group by page")
    )
    assert {page: pages.get(page, 0) for page in PAGES.values()} == {
        page: round(real[column] * real["total_hours"]) for column, page in PAGES.items()
    }


def test_the_real_user_who_cancelled_is_not_scored_and_the_other_is(ran: Ran, shared: Path) -> None:  # noqa: ARG001
    churned = dict(ran.rows("select user_id, is_churned from marts.dim_users where user_id in ('113', '87')"))
    scored = ran.rows("select user_id from ml.churn_predictions where user_id in ('113', '87')")
    assert churned == {"113": False, "87": True}
    assert scored == [("113",)]


def test_two_readers_in_processes_of_their_own_answer_at_the_same_time(ran: Ran) -> None:
    query = "select * from ml.churn_predictions order by churn_probability desc limit 10"
    command = [str(SPARKHOUSE), "sql", query, "--format", "json"]
    environment = {**os.environ, "SPARKHOUSE_HOME": str(ran.home.path), "SPARKHOUSE_DRIVER_MEMORY": "1g"}
    readers = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = [reader.communicate()[0] for reader in readers]
    assert [reader.returncode for reader in readers] == [0, 0]
    assert answers[0] == answers[1]
    assert len(json.loads(answers[0])) == 10


@pytest.mark.parametrize(
    "arguments",
    [arguments for arguments in commands_of("sparkhouse") if arguments.startswith("sql ")],
)
def test_a_query_of_the_readmes_answers(
    ran: Ran, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: str
) -> None:
    from cli.app import main

    assert ran.report
    monkeypatch.setattr(sys, "argv", ["sparkhouse", *shlex.split(arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    assert len(capsys.readouterr().out.strip().splitlines()) >= 1


def content(ran: Ran) -> list[tuple[Any, ...]]:
    return ran.rows(
        "select count(*), sum(hash(*)) from marts.fct_user_features union all"
        " select count(*), sum(hash(*)) from marts.fct_churn_labels union all"
        " select count(*), sum(hash(*)) from raw.events"
    )


def test_a_log_that_is_known_adds_nothing(ran: Ran) -> None:
    from cli.jobs.workspace import Workspace
    from cli.runs.steps import Steps

    before = content(ran)
    assert landing.ingest(Workspace(ran.spark, ran.home, Steps(quiet=True)), [ran.log]).files_skipped == 1
    assert content(ran) == before


def test_the_registry_names_the_champion_that_is_published_and_follows_a_rollback(ran: Ran) -> None:
    from cli.jobs.workspace import Workspace
    from cli.runs.steps import Steps
    from models_ml.registry.tracking import Tracking

    def aliases() -> dict[str, str]:
        registered = Tracking.open(ran.home.mlflow).client.get_registered_model(champion.registered_model)
        return {alias: str(number) for alias, number in registered.aliases.items()}

    assert ran.report.training is not None
    champion = ran.report.training.published
    assert aliases() == {"champion": champion.registry_version}
    publishing.roll_back(Workspace(ran.spark, ran.home, Steps(quiet=True, run_id="back")), "test-run")
    assert aliases() == {}
    publishing.roll_back(Workspace(ran.spark, ran.home, Steps(quiet=True, run_id="forth")), "back")
    assert aliases() == {"champion": champion.registry_version}


BARE_DBT = commands_of("dbt")


@pytest.mark.parametrize("arguments", [arguments for arguments in BARE_DBT if arguments.startswith("run ")])
def test_a_bare_dbt_run_of_the_readme_works_on_the_same_tables_and_changes_no_row(ran: Ran, arguments: str) -> None:
    def commits() -> int:
        return int(ran.value("select count(*) from marts.fct_user_features.snapshots"))

    def builds() -> int:
        return int(ran.value("select count(*) from monitoring.builds"))

    rows_before, commits_before, builds_before = content(ran), commits(), builds()
    environment = {**os.environ, "SPARKHOUSE_HOME": str(ran.home.path), "SPARKHOUSE_DRIVER_MEMORY": "2g"}
    command = [str(Path(sys.executable).with_name("dbt")), *shlex.split(arguments)]
    ended = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout
    assert commits() == commits_before + 1
    assert content(ran) == rows_before
    assert builds() == builds_before + 1


@pytest.mark.parametrize("arguments", [arguments for arguments in BARE_DBT if not arguments.startswith("run ")])
def test_any_other_bare_dbt_command_of_the_readme_works(
    ran: Ran, monkeypatch: pytest.MonkeyPatch, arguments: str
) -> None:
    """In this process, for it needs no Spark of its own."""
    from dbt.cli.main import dbtRunner

    monkeypatch.chdir(REPOSITORY)
    before = content(ran)
    assert dbtRunner().invoke(["--log-level", "none", *shlex.split(arguments)]).success
    assert content(ran) == before


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.mark.parametrize(("width", "scheme"), [(WIDE, "light"), (PHONE, "dark")])
def test_every_page_of_the_report_works_from_disk(ran: Ran, browser: Browser, width: int, scheme: Scheme) -> None:
    with visit(browser, width, scheme) as visited:
        visited.go(ran.report.report.as_uri())
        links = visited.links
        assert len(links) == len(REPORT_PAGES)
        for link in links:
            visited.go(link)
            assert visited.faults == [], link
            assert visited.overflow == 0, link
            assert visited.violations() == [], link
            empty = visited.page.eval_on_selector_all(
                "[data-figure]", "all => all.filter(each => !each.children.length)"
            )
            assert not empty, link
        visited.page.goto(next((ran.home.reports / "model_cards").glob("*.html")).as_uri())
        assert visited.overflow == 0, "the metric card"
        assert visited.violations() == [], "the metric card"


def test_hostile_text_of_a_log_is_shown_as_text(ran: Ran, browser: Browser) -> None:
    with visit(browser) as visited:
        visited.go(next(link for link in _links(ran, visited) if link.endswith("service.html")))
        assert visited.page.evaluate("window.hostile") is None
        table = visited.page.locator("#top-artists-table")
        assert "</script>" in (table.text_content() or "")
        assert not visited.page.locator("#top-artists img, #top-artists b").count()


def test_tables_are_searched_and_sorted_and_numbers_are_written_as_the_reader_writes_them(
    ran: Ran, browser: Browser
) -> None:
    with visit(browser, locale="de-DE") as visited:
        visited.go(next(link for link in _links(ran, visited) if link.endswith("service.html")))
        page, rows = visited.page, "#top-artists-table tbody tr"
        page.click("#top-artists summary >> nth=0")
        plays = [int(cell.replace(".", "")) for cell in page.locator(f"{rows} td:nth-child(2)").all_text_contents()]
        assert plays == sorted(plays, reverse=True)
        assert re.fullmatch(r"\d{2,3}\.\d{3}", page.locator("#plays p data").first.inner_text())
        page.click("#top-artists-table th:nth-child(2) button")
        again = page.locator(f"{rows} td:nth-child(2)").all_text_contents()
        assert [int(cell.replace(".", "")) for cell in again] == sorted(plays)
        page.fill("#top-artists input", "coldplay")
        assert page.locator(f"{rows}:visible").count() == 1
        assert page.inner_text("#top-artists-table-count") == "1 rows"


def test_the_printed_page_is_light_and_has_all_figures(ran: Ran, browser: Browser, tmp_path: Path) -> None:
    with visit(browser, scheme="dark") as visited:
        visited.go(ran.report.report.as_uri())
        visited.page.emulate_media(media="print", color_scheme="light")
        visited.page.pdf(path=tmp_path / "page.pdf")
        assert (tmp_path / "page.pdf").stat().st_size > 20_000
        assert not visited.page.locator("header nav").is_visible()
        assert visited.faults == []


def test_numbers_on_the_pages_are_those_that_their_sql_answers(ran: Ran, browser: Browser) -> None:
    compared = 0
    with visit(browser) as visited:
        for link in _links(ran, visited):
            visited.go(link)
            for panel in visited.page.locator("section.panel:has(tbody tr)").all():
                answer = ran.spark.sql(panel.locator("pre[id]").first.text_content() or "").toPandas()
                if panel.locator("th").all_text_contents() != list(answer.columns):
                    continue
                for name, cell in zip(answer.columns, panel.locator("tbody tr:first-child td").all(), strict=True):
                    if cell.locator("data").count():
                        shown = float(cell.locator("data").get_attribute("value") or "nan")
                        assert shown == pytest.approx(float(answer[name].iloc[0])), f"{link} {name}"
                        compared += 1
    assert compared >= 20


def _links(ran: Ran, visited: Visit) -> list[str]:
    visited.page.goto(ran.report.report.as_uri())
    return visited.links


def test_the_web_app_scores_as_the_run_did(ran: Ran) -> None:
    store = Stores(ran.home.serving).newest()
    assert store.publication.run_id == "test-run"
    predicted = {
        row[0]: row[1:]
        for row in ran.rows(
            "select user_id, churn_probability, churn_probability_low, reasons from ml.churn_predictions"
        )
    }
    model, rows = store.model, store.rows("select user_id, features from snapshots where is_newest")
    assert model is not None
    found = scores(model, [json.loads(row["features"]) for row in rows])
    for row, score in zip(rows, found, strict=True):
        probability, low, reasons = predicted.pop(row["user_id"])
        assert (score.probability, score.low) == pytest.approx((probability, low), abs=1e-12)
        assert list(score.reasons) == list(reasons)
    assert not predicted


# What the pages of the web app say, asked of the tables themselves.
LIST_BY_SQL = """
select
    u.user_id, u.level, u.state, p.as_of_date, p.model_version, p.churn_probability as probability,
    p.churn_probability_low as probability_low, p.churn_probability_high as probability_high, p.risk_decile,
    p.predicted_churn, p.reasons[0] as first_reason
from marts.dim_users as u
left join ml.churn_predictions as p on u.user_id = p.user_id
order by u.user_id
"""
COUNTS_BY_SQL = """
select
    (select count(*) from marts.dim_users) as customers,
    (select count(*) from marts.dim_users where cancelled_at is null) as members,
    (select count(*) from ml.churn_predictions) as scored,
    (select count_if(predicted_churn) from ml.churn_predictions) as called,
    (select sum(churn_probability) from ml.churn_predictions) as expected
"""


def by_sql(query: str, sparkhouse: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The rows that `sparkhouse sql` prints."""
    capsys.readouterr()
    assert sparkhouse("sql", query, "--format", "json") == 0
    rows: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return rows


def test_the_numbers_of_the_web_app_are_those_of_sparkhouse_sql(
    ran: Ran, sparkhouse: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    client = create_app(Settings(ran.home.serving, ran.home.reports)).test_client()
    rows = by_sql(LIST_BY_SQL, sparkhouse, capsys)
    assert len(rows) > 100
    of_api = client.get("/api/v1/customers?sort=user_id&limit=200").get_json()
    assert of_api["total"] == len(rows)
    for told, row in zip(sorted(of_api["items"], key=by_id), rows, strict=True):
        first_reason = next(iter(told["reasons"]), None)
        assert {name: told[name] for name in row if name != "first_reason"} | {"first_reason": first_reason} == row
    of_csv = list(csv.DictReader(io.StringIO(client.get("/customers.csv?sort=user_id&order=asc").text)))
    for cells, row in zip(sorted(of_csv, key=by_id), rows, strict=True):
        assert {name: cells[name] for name in row} == {name: as_cell(value) for name, value in row.items()}
    (counts,) = by_sql(COUNTS_BY_SQL, sparkhouse, capsys)
    found = overview.customers(Stores(ran.home.serving).newest())
    assert found is not None
    assert {name: found[name] for name in counts} == pytest.approx(counts, rel=1e-12)
    page = client.get("/").text
    for name in ("called", "scored", "members", "customers"):
        assert f'value="{counts[name]}"' in page


def by_id(row: dict[str, Any]) -> str:
    """What rows are sorted by in SQL; the app sorts numbers as such."""
    return str(row["user_id"])


def as_cell(value: object) -> str:
    """A value as the CSV holds it."""
    if value is None:
        return ""
    return f"{int(value)}" if isinstance(value, bool) else f"{value}"


def test_a_report_that_cannot_be_written_leaves_the_old_one(ran: Ran, sparkhouse: Callable[..., int]) -> None:
    index, before = ran.report.report, ran.report.report.read_bytes()
    blocked = index.with_name(".index.html.draft")
    blocked.mkdir()
    try:
        assert sparkhouse("report") == 2
    finally:
        blocked.rmdir()
    assert index.read_bytes() == before
    assert sparkhouse("report") == 0
    assert index.read_bytes() != before
