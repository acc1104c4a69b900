"""An archive of Java's classes, made at set-up: Java maps what it would else read, check and link at each start.

Java itself judges whether the archive fits: by its own version, by each jar of the class path, and by a check sum of
what it maps. One that does not fit is left alone, and all works as it does without.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from cli.machine.environment import SPARK_CONF

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = SPARK_CONF.parent
# What Java has to be told alike when it makes the archive and when it uses it; profiles.yml says the same.
COLLECTOR = "-XX:+UseParallelGC"
# Java compares each part of the archive with its check sum before it is mapped: no class of a damaged one is run.
CHECKED = "-XX:+VerifySharedSpaces"


def name_of(byte_count: object) -> str:
    """Return the file name of an archive: it says how long the file is, for Java ends when it maps one cut short."""
    return f"classes-{byte_count}.jsa"


def archive() -> Path | None:
    """Return the archive that Java may be told of: one that can be read, and is whole by its length."""
    whole = (path for path in FOLDER.glob(name_of("*")) if path.name == name_of(path.stat().st_size))
    return next((path for path in whole if path.is_file() and os.access(path, os.R_OK)), None)


def archive_options() -> list[str]:
    """Return the options that let Java use the archive, silently passing over a bad one; none without an archive."""
    found = archive()
    return [f"-XX:SharedArchiveFile={found}", "-Xshare:auto", CHECKED, "-Xlog:cds*=off"] if found else []


def why_unfit(environment: Mapping[str, str]) -> str | None:
    """Return why Java does not use the archive; None where it does. Raises OSError without a Java."""
    found = archive()
    if not found:
        return "not there, or not whole"
    ended = run_java(environment, f"-XX:SharedArchiveFile={found}", "-Xshare:on", CHECKED, "-version")
    return None if ended.returncode == 0 else "made by another Java, or of other jars"


def class_path(environment: Mapping[str, str]) -> str:
    """Return the class path that Spark's launcher makes of an environment."""
    jars = str(Path(environment["SPARK_HOME"]) / "jars" / "*")
    return os.pathsep.join([f"{environment['SPARK_CONF_DIR']}/", jars, environment["SPARK_DIST_CLASSPATH"]])


def run_java(environment: Mapping[str, str], *options: str | Path) -> subprocess.CompletedProcess[str]:
    """Run Java with options, its errors among what it prints. Raises OSError."""
    binary = Path(environment["JAVA_HOME"]) / "bin" / "java"
    quiet = ("-XX:-UsePerfData", "-XX:-CreateCoredumpOnCrash", "-XX:ErrorFile=/dev/null")
    command = [binary, COLLECTOR, *quiet, "-cp", class_path(environment), *options]
    return subprocess.run(  # noqa: S603 - the Java of the environment
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False
    )
