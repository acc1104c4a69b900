"""A machine that commands are given on, each a process of its own, as a user's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hosts import Host

SPARKHOUSE = Path(sys.executable).with_name("sparkhouse")
SECONDS = 300


class Driver:
    """A machine that commands are given on: its state folder, and the variables that lead to the tables.

    With a host they run there, else in this machine's own network.
    """

    def __init__(self, home: Path, environment: dict[str, str], host: Host | None = None) -> None:
        self.home, self.environment = home, environment
        self.host = host
        self.steps = home.with_suffix(".steps")

    @property
    def own_environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "SPARKHOUSE_HOME": str(self.home), **self.environment}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        with self.steps.open("w") as steps:
            return subprocess.Popen(
                [*(self.host.prefix if self.host else []), SPARKHOUSE, *arguments],
                cwd=self.home.parent,
                env=self.own_environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=steps,
                start_new_session=True,
                text=True,
            )

    def command(self, *arguments: str, code: int = 0) -> str:
        """Run a command to its end; return what it printed, on both streams."""
        process = self.start(*arguments)
        printed, _ = process.communicate(timeout=SECONDS)
        told = printed + self.steps.read_text()
        assert process.returncode == code, told
        return told
