"""The command line: help, errors and exit codes."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer.main

from cli import app as command_line
from cli.jobs.checks import CheckFailed, raise_failed, summary
from cli.jobs.dbt import DbtFailed, DbtNode, DbtOutcome, run_dbt
from cli.printing.run_report import query_of_predictions
from warehouse.contract.catalogue import GROUPS, Feature, features

if TYPE_CHECKING:
    from collections.abc import Callable


REPOSITORY = Path(__file__).resolve().parents[2]
COMMANDS = typer.main.get_group(command_line.app).commands


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_help(name: str) -> None:
    assert COMMANDS[name].help


def test_help_imports_nothing_slow() -> None:
    slow = {"pyspark", "dbt", "great_expectations", "mlflow", "pandas", "numpy"}
    code = "import sys, cli.app; print(' '.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    assert not slow & set(loaded.stdout.split())


@pytest.mark.usefixtures("spark")
def test_sql_prints_json(sparkhouse: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert sparkhouse("sql", "select 1 as a, cast(null as string) as b", "--format", "json") == 0
    assert json.loads(capsys.readouterr().out) == [{"a": 1, "b": None}]


@pytest.mark.usefixtures("spark")
def test_sql_prints_csv(sparkhouse: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert sparkhouse("sql", "select 1 as a, 'x,y' as b", "--format", "csv") == 0
    assert capsys.readouterr().out.splitlines() == ["a,b", '1,"x,y"']


def test_the_query_that_a_run_ends_with_names_another_state_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [".venv/bin/sparkhouse"])
    assert query_of_predictions(Path("var").resolve()).startswith('.venv/bin/sparkhouse sql "select * from ml.')
    elsewhere = query_of_predictions(Path("var/large").resolve())
    assert elsewhere.startswith('SPARKHOUSE_HOME=var/large .venv/bin/sparkhouse sql "')


def test_features_lists_the_catalogue_group_by_group(
    sparkhouse: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert sparkhouse("features") == 0
    lines = capsys.readouterr().out.splitlines()
    headings = [line.strip() for line in lines if line.strip() in GROUPS]
    assert headings == list(dict.fromkeys(feature.group for feature in features()))
    shown = " ".join(next(line for line in lines if " days_since_last_song " in line).split())
    assert shown.startswith("days_since_last_song days from 0 song_count_lifetime = 0 none Days from the last song")
    assert all(any(f" {feature.name} " in line for line in lines) for feature in features())


def test_features_prints_all_that_the_catalogue_says_as_json_and_csv(
    sparkhouse: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert sparkhouse("features", "--group", "profile", "--format", "json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert {feature["group"] for feature in listed} == {"profile"}
    gender = next(feature for feature in listed if feature["name"] == "gender")
    assert gender["allowed"] == ["F", "M"]
    assert set(gender) == set(Feature.model_fields)
    assert sparkhouse("features", "--group", "profile", "--format", "csv") == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [row["name"] for row in rows] == [feature["name"] for feature in listed]
    assert json.loads(rows[3]["allowed"]) == listed[3]["allowed"]


def test_an_unknown_group_of_features_could_not_run_and_the_groups_are_listed(
    sparkhouse: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert sparkhouse("features", "--group", "volumes") == 2
    assert f"Choose from: {', '.join(GROUPS)}." in capsys.readouterr().err


def test_features_starts_neither_spark_nor_dbt() -> None:
    listing = "import sys, cli.printing.feature_list as f; f.print_features(f.features_of('plan'), 'table')"
    code = f"{listing}; print(*sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    assert not {"pyspark", "dbt", "pandas", "numpy", "great_expectations"} & set(ended.stdout.split())


def test_a_statement_that_writes_could_not_run(
    sparkhouse: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert sparkhouse("sql", "drop table raw.events") == 2
    assert "this command only reads" in capsys.readouterr().err


@pytest.mark.usefixtures("spark")
def test_an_unknown_table_could_not_run_and_is_named(
    sparkhouse: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert sparkhouse("sql", "select * from marts.nothing_here") == 2
    error = capsys.readouterr().err
    assert "nothing_here" in error
    assert "Traceback" not in error


@pytest.mark.usefixtures("empty_warehouse")
def test_a_log_that_is_not_there_could_not_run(
    sparkhouse: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert sparkhouse("ingest", "no/such/log.json") == 2
    assert "no/such/log.json" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "mended_by"),
    [
        ("build", "sparkhouse ingest"),
        ("validate", "sparkhouse ingest"),
        ("train", "sparkhouse build"),
        ("predict", "sparkhouse train"),
    ],
)
@pytest.mark.usefixtures("empty_warehouse")
def test_a_step_too_early_says_what_to_run_first(
    sparkhouse: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    command: str,
    mended_by: str,
) -> None:
    assert sparkhouse(command) == 2
    assert mended_by in capsys.readouterr().err


def test_an_impossible_simulation_could_not_run(sparkhouse: Callable[..., int], tmp_path: Path) -> None:
    assert sparkhouse("simulate", "--out", str(tmp_path / "log.json"), "--users", "0") == 2
    assert not (tmp_path / "log.json").exists()


def test_simulate_writes_a_log(sparkhouse: Callable[..., int], tmp_path: Path) -> None:
    out = tmp_path / "log.json"
    assert sparkhouse("simulate", "--out", str(out), "--users", "5", "--days", "3", "--ids", "random") == 0
    assert json.loads(out.read_text().splitlines()[0])["page"]


def test_an_option_that_dbt_does_not_know_is_told() -> None:
    with pytest.raises(DbtFailed, match=r"No such option.*--nope"):
        run_dbt(["ls", "--nope"])


def test_a_failed_dbt_test_is_a_failed_check() -> None:
    failed = DbtOutcome(1, (DbtNode("not_null_x", "test", "fail", "Got 3 results"),))
    with pytest.raises(CheckFailed, match="not_null_x: Got 3 results"):
        raise_failed(failed)


def test_a_broken_model_could_not_run() -> None:
    broken = DbtOutcome(2, (DbtNode("stg", "model", "error", "no such column"),))
    with pytest.raises(DbtFailed, match="stg: no such column"):
        raise_failed(broken)


@pytest.mark.usefixtures("spark")
def test_doctor_finds_nothing_wrong_here(sparkhouse: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    code = sparkhouse("doctor")
    found = capsys.readouterr().out
    assert code == 0, found
    assert "Java" in found


@pytest.mark.usefixtures("home")
def test_doctor_names_a_foreign_spark_which_has_no_effect(
    sparkhouse: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SPARK_HOME", "/opt/another-spark")
    assert sparkhouse("doctor", "--quick") == 0
    assert "SPARK_HOME set, with no effect here" in capsys.readouterr().out


@pytest.mark.usefixtures("home")
@pytest.mark.usefixtures("spark")
def test_dbt_runs_any_dbt_command(sparkhouse: Callable[..., int]) -> None:
    assert sparkhouse("dbt", "ls", "--select", "fct_user_features", "--resource-type", "model", "--quiet") == 0
    assert sparkhouse("dbt", "no-such-command") == 2


@pytest.mark.usefixtures("spark")
def test_sql_cuts_no_value(sparkhouse: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert sparkhouse("sql", "select repeat('x', 300) as a, '[b]' as b") == 0
    printed = capsys.readouterr().out
    assert "x" * 300 in printed
    assert "[b]" in printed


def test_many_failures_are_told_in_part_with_a_query_for_the_rest() -> None:
    lines = summary([f"rule {number}" for number in range(12)], "run-1").splitlines()
    assert lines[:2] == ["rule 0", "rule 1"]
    assert len(lines) == 11
    assert "and 2 more" in lines[-1]
    assert "run_id = 'run-1'" in lines[-1]
