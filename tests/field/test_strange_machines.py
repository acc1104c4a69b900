"""Room D, on machines that only root can make: `make test-field` runs these."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from strange import ODD_NAME, OF_OTHERS

BIN = Path(sys.executable).parent
# A user without an account still has to read this environment, which may lie below root's own folder.
READS_ALL = "+dac_read_search"
NEEDED = ("unshare", "setpriv", "mount")

pytestmark = [
    pytest.mark.needs_root,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
    pytest.mark.skipif(not all(map(shutil.which, NEEDED)), reason=f"needs {', '.join(NEEDED)}"),
]


def as_user(number: int, *command: str | Path, reads_all: str = READS_ALL) -> list[str]:
    """A command as a user whom the system does not know, in the group 12345."""
    rights = ["--inh-caps", reads_all, "--ambient-caps", reads_all, "--bounding-set", reads_all]
    user = ["setpriv", "--reuid", str(number), "--regid", "12345", "--clear-groups", *rights]
    return [*user, sys.executable, "-I", *map(str, command)]


def started(command: list[str], environment: dict[str, str], umask: int = 0o022) -> subprocess.CompletedProcess[str]:
    variables = {"PATH": os.environ["PATH"], "SPARKHOUSE_MASTER": "local[2]", "SPARKHOUSE_DRIVER_MEMORY": "1g"}
    return subprocess.run(
        command, env=variables | environment, umask=umask, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module", autouse=True)
def machine_allows_it(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Try, by itself, all that the tests below ask of the machine: a container may forbid any of it, even to root."""
    folder = tmp_path_factory.mktemp("mounted")
    steps = ["hostname no-such-host", f"mount -t tmpfs tmpfs {folder}", f"mount --bind /usr {folder}", 'exec "$@"']
    spaces = ["unshare", "--mount", "--uts", "--net", "--", "sh", "-c", " && ".join(steps), "sh"]
    tried = started([*spaces, *as_user(12345, "-c", "pass")], {})
    if tried.returncode:
        pytest.skip(f"this machine does not allow it: {tried.stderr.strip()}")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder that all users can reach and write to, below the test's own."""
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o777)
    simulated = started(
        [str(BIN / "sparkhouse"), "simulate", "--users", "5", "--days", "3", "--out", str(tmp_path / "Übung.json")], {}
    )
    assert simulated.returncode == 0, simulated.stderr
    return tmp_path


def test_a_user_without_account_on_a_host_without_name_in_another_projects_environment(place: Path) -> None:
    state = place / ODD_NAME
    environment = {**OF_OTHERS, "SPARKHOUSE_HOME": str(state), "LC_ALL": "C", "HOME": "/nowhere", "TMPDIR": "/nowhere"}
    ingest = as_user(12345, BIN / "sparkhouse", "ingest", place / "Übung.json")
    named = ["unshare", "--uts", "--", "sh", "-c", 'hostname no-such-host && exec "$@"', "sh"]
    ended = started([*named, *ingest], environment)
    assert ended.returncode == 0, ended.stderr
    doctor = started([*named, *as_user(12345, BIN / "sparkhouse", "doctor")], environment)
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    assert "no-such-host does not resolve" in doctor.stdout


def test_a_state_folder_that_forbids_programs_and_a_temporary_one_that_is_read_only(place: Path) -> None:
    mounts = 'mount -t tmpfs -o noexec tmpfs {0}/state && mount -t tmpfs -o ro tmpfs {0}/tmp && exec "$@"'
    for name in ("state", "tmp"):
        (place / name).mkdir()
    mounted = ["unshare", "--mount", "--", "sh", "-c", mounts.format(place), "sh"]
    environment = {"SPARKHOUSE_HOME": str(place / "state"), "TMPDIR": str(place / "tmp")}
    ended = started([*mounted, str(BIN / "sparkhouse"), "doctor"], environment)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert f"Temporary files: {place}/state/tmp, /" in ended.stdout


def opened(path: Path, spare: Path) -> list[str]:
    """A command's beginning: a name space in which others, too, reach a path through the folders that are root's own.

    Each closed folder on the way is covered by an open one that holds only what leads on; `spare` is where the closed
    ones then lie.
    """
    steps = []
    for number, closed in enumerate(each for each in reversed(path.parents) if not each.stat().st_mode & 0o001):
        inner = closed / path.relative_to(closed).parts[0]
        aside = spare / f"closed_{number}"
        aside.mkdir(exist_ok=True)
        steps += [f"mount --bind {closed} {aside}", f"mount -t tmpfs -o mode=755 tmpfs {closed}", f"mkdir {inner}"]
        steps += [f"mount --bind {aside / inner.name} {inner}"]
    return ["unshare", "--mount", "--", "sh", "-c", " && ".join([*steps, 'exec "$@"']), "sh"]


def test_two_users_of_one_group_and_the_salt_of_the_first(place: Path) -> None:
    state = place / "state"
    state.mkdir()
    os.chown(state, 0, 12345)
    state.chmod(0o2775)
    python = opened(Path(sys.executable).resolve(), place)

    def ingest(user: int, *options: str) -> subprocess.CompletedProcess[str]:
        """Without the right to read what is closed to the user."""
        command = as_user(user, BIN / "sparkhouse", "ingest", place / "Übung.json", *options, reads_all="-all")
        return started([*python, *command], {"SPARKHOUSE_HOME": str(state)}, 0o002)

    first = ingest(12345)
    assert first.returncode == 0, first.stderr
    second = ingest(12346)
    assert second.returncode == 2
    assert "is for its owner alone" in second.stderr
    third = ingest(12346, "--no-pseudonymise")
    assert third.returncode == 0, third.stderr


def test_a_user_who_may_not_read_a_log_or_a_mapping_is_told_which(place: Path) -> None:
    python = opened(Path(sys.executable).resolve(), place)
    log, kept, mapping = place / "Übung.json", place / "state" / "kept.json", place / "my.yml"
    kept.parent.mkdir()
    kept.parent.chmod(0o777)
    for closed in (log, kept, mapping):
        closed.touch()
        closed.chmod(0)

    def refused(*arguments: str | Path) -> str:
        command = as_user(12345, BIN / "sparkhouse", "ingest", *arguments, reads_all="-all")
        ended = started([*python, *command], {"SPARKHOUSE_HOME": str(place / "state")})
        assert ended.returncode == 2
        return ended.stderr

    assert f"sparkhouse: {log} may not be read: let the user of this command read it" in refused(log)
    assert f"sparkhouse: {kept} may not be read: let the user of this command read it" in refused(kept)
    # The command line itself looks at it: its message is in a box, which may break the path.
    assert "is not readable" in " ".join(refused(log, "--mapping", mapping).replace("│", "").split())


def test_without_a_loopback_interface_spark_says_what_is_wrong_and_memory_is_not_blamed(place: Path) -> None:
    environment = {"SPARKHOUSE_HOME": str(place / "state")}
    ended = started(["unshare", "--net", "--", str(BIN / "sparkhouse"), "sql", "select 1"], environment)
    assert ended.returncode == 2
    assert "MEMORY" not in ended.stderr
    assert "Traceback" not in ended.stderr
