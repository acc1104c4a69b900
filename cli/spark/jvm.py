"""The JVM that Spark runs in: how it is started, and what it left when it ended."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from cli.machine.environment import PROFILES, has_account, umask, user_name
from cli.machine.limits import narrow
from cli.machine.memory import memory_bytes
from cli.machine.temporary import library_folder, scratch_folder, temporary_folders
from cli.spark.class_archive import archive_options
from cli.spark.local_files import set_modes_without_processes
from cli.spark.pyspark_patches import patch_pyspark
from cli.spark.sizing import held_bytes, jvm_options, sized
from warehouse.contract.errors import SparkhouseError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from py4j.java_gateway import JavaGateway  # type: ignore[import-untyped]

    from cli.machine.home import Home

# What Java ends with when it was told to end without memory, and what Spark ends with.
OUT_OF_MEMORY_CODES = (3, 52)
NO_MEMORY = ("OutOfMemoryError", "Could not reserve enough space", "insufficient memory", "Cannot allocate memory")
ERROR = re.compile(r"error|exception|unrecognized|invalid|could not|not found|no such|denied|cannot", re.IGNORECASE)
TAIL = 20_000
SECONDS_TO_END = 10


class SparkDidNotStart(SparkhouseError, RuntimeError):
    """Java refused to start, or Spark ended while it started."""


@dataclass(frozen=True)
class Jvm:
    """A JVM that was started: its process, what it prints to its error stream, and how many processes had been killed
    for want of memory by then.
    """

    process: subprocess.Popen[bytes] | None
    errors: BinaryIO
    killed_before: int

    @property
    def code(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self.process.poll() if self.process else None

    def ends(self) -> bool:
        """Whether it ends within a moment: one that does not answer any more is about to."""
        if self.process:
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(SECONDS_TO_END)
        return self.code is not None

    @property
    def printed(self) -> str:
        """The end of what it has printed to its error stream."""
        # Read in its place: to move in the file would move the JVM, too.
        number = self.errors.fileno()
        return os.pread(number, TAIL, max(0, os.fstat(number).st_size - TAIL)).decode(errors="replace")

    @property
    def last_words(self) -> str:
        """The line that says what went wrong, as far as one does."""
        return last_words(self.printed)

    @property
    def lacked_memory(self) -> bool:
        """Whether it ended because its own memory was too small, or because the machine has less than it asked for."""
        return self.code in OUT_OF_MEMORY_CODES or any(sign in self.printed for sign in NO_MEMORY)

    @property
    def was_killed(self) -> bool:
        return self.code == -signal.SIGKILL

    @property
    def was_killed_for_memory(self) -> bool:
        """Whether the system killed a process for want of memory since this one started, and this one was killed."""
        return self.was_killed and killed_for_memory() > self.killed_before


def last_words(printed: str) -> str:
    """Return the first line that names an error, else the last line."""
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    return next((line for line in lines if ERROR.search(line)), lines[-1] if lines else "")


def refusal(printed: str, environment: Mapping[str, str]) -> str:
    """Say why Java did not start, from what it printed, and name the variable that is to blame, where one is."""
    said = last_words(printed) or "nothing"
    if limits := narrow():
        return f"Spark could not start: {'; '.join(limits)}. Java said: {said}"
    if any(sign in printed for sign in NO_MEMORY):
        memory = environment.get("SPARKHOUSE_DRIVER_MEMORY", "memory")
        more = f"it asks for {memory}, more than the machine has ({said})"
        return f"Spark could not start: {more}. Set SPARKHOUSE_DRIVER_MEMORY lower"
    own = environment.get("SPARK_SUBMIT_OPTS")
    blamed = f"SPARK_SUBMIT_OPTS is {own!r}: correct or unset it" if own else "`sparkhouse doctor` says what is wrong"
    return f"Spark could not start. Java said: {said}. {blamed}"


_started: list[Jvm] = []


def newest() -> Jvm | None:
    """Return the JVM that this process started last."""
    return _started[-1] if _started else None


def launch(settings: Mapping[str, str], more: Path | None = None) -> JavaGateway:
    """Start Java for Spark, with more settings from a file: no command line shows these. Raises SparkDidNotStart."""
    from pyspark import SparkConf
    from pyspark.errors import PySparkRuntimeError
    from pyspark.java_gateway import launch_gateway

    patch_pyspark()
    if more:
        os.environ["PYSPARK_SUBMIT_ARGS"] = f"--properties-file {shlex.quote(str(more))} pyspark-shell"
    # It has no name: it is gone with the process, however that ends.
    errors = tempfile.TemporaryFile()  # noqa: SIM115 - it is read when the JVM has ended
    jvm = Jvm(None, errors, killed_for_memory())
    try:
        gateway = launch_gateway(SparkConf().setAll(list(settings.items())), {"stderr": errors})
    except PySparkRuntimeError as error:
        raise SparkDidNotStart(refusal(jvm.printed, os.environ)) from error
    _started.append(replace(jvm, process=gateway.proc))
    if not has_account():
        # Hadoop asks the system who the user is, and does not take no for an answer.
        users: Any = gateway.jvm.org.apache.hadoop.security.UserGroupInformation
        users.setLoginUser(users.createRemoteUser(user_name()))
    set_modes_without_processes(gateway, settings)
    return gateway


def machine_settings(home: Home, settings: Mapping[str, str], log_bytes: int = 0) -> dict[str, str]:
    """Return the Spark settings that depend on the machine and the work: size, temporary files, the modes of files.

    Makes the folders that Spark expects. A state folder that is full or cannot be written to can still be read:
    temporary files go elsewhere then. Raises NoTemporaryFolder, InvalidSetting, or an OSError where there can be no
    state folder.
    """
    # Whoever reads tables needs memory for them, too, however little the compilers have to do.
    size = sized(max(log_bytes, held_bytes(home)), memory_bytes(), os.environ)
    # A catalog of folders lists namespaces as soon as it is asked anything: its own and `default` have to be there.
    (home.path if home.cluster else home.warehouse / "default").mkdir(parents=True, exist_ok=True)
    with suppress(OSError):
        home.tmp.mkdir(exist_ok=True)
    folders = list(temporary_folders(home.path))
    scratch = scratch_folder(folders)
    libraries = library_folder([scratch, *folders])
    os.environ["TMPDIR"] = tempfile.tempdir = str(scratch)
    options = [
        *archive_options(),
        # As an address: a comma in a path would part it in two.
        f"-Dlog4j2.configurationFile={(PROFILES / 'log4j2.properties').as_uri()}",
        f"-Djava.io.tmpdir={libraries}",
        # Some systems tell Java the user's language past the environment: Turkish has other small and capital letters.
        *("-Duser.language=en", "-Duser.country=US"),
        # Of a user without an account Java knows neither a name nor a home.
        f"-Duser.home={scratch}",
        f"-Duser.name={user_name()}",
        f"-XX:ErrorFile={str(scratch).replace('%', '%%')}/java-error-%p.log",
    ]
    return size | {
        "spark.local.dir": str(scratch),
        "spark.driver.extraJavaOptions": " ".join(
            [settings["spark.driver.extraJavaOptions"], jvm_options(log_bytes, os.environ), *map(quoted, options)]
        ),
        # Hadoop gives files the modes of an umask of its own, 022, whatever the user's is.
        "spark.hadoop.fs.permissions.umask-mode": f"{umask():04o}",
    }


def quoted(option: str) -> str:
    """Return an option as Spark takes it for one among others in a text, whatever characters it holds."""
    return '"' + option.replace("\\", "\\\\").replace('"', '\\"') + '"'


def killed_for_memory() -> int:
    """Return how many processes the system has killed for want of memory, as far as it tells."""
    for source in (Path("/sys/fs/cgroup/memory.events"), Path("/proc/vmstat")):
        with suppress(OSError):
            counted = re.search(r"^oom_kill (\d+)$", source.read_text(), re.MULTILINE)
            if counted:
                return int(counted[1])
    return 0
