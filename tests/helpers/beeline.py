"""Hive's own client, with its JDBC driver, from the jars that pyspark brings."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pyspark

JARS = Path(pyspark.__file__).parent / "jars"
OPTIONS = ("--outputformat=csv2", "--silent=true")


def beeline(*arguments: str, said: str = "") -> subprocess.CompletedProcess[str]:
    """Run it with arguments, and with lines on its input."""
    java = Path(os.environ["JAVA_HOME"]) / "bin" / "java"
    return subprocess.run(
        [java, "-cp", f"{JARS}/*", "org.apache.hive.beeline.BeeLine", *OPTIONS, *arguments],
        input=said,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
