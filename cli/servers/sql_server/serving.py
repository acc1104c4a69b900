"""What a SQL server is asked to be."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cli.servers.reach import LOOPBACK, UnsafeServer, is_this_machine, require_long

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PASSWORD = "SPARKHOUSE_SQL_PASSWORD"  # noqa: S105 - the name of a variable


@dataclass(frozen=True)
class Serving:
    """Where clients of Hive's protocol reach a server (nowhere without a port), and its limits.

    It ends after `idle_minutes` in which nobody asks, if it ever does; a statement of a client after `timeout` seconds,
    and with an error where it has more than `most_rows`, whatever their number if that is 0. `certificate` and `key`
    are files in PEM. With `has_password`, callers have to know the one in SPARKHOUSE_SQL_PASSWORD. Raises UnsafeServer.
    """

    host: str = LOOPBACK
    port: int | None = None
    timeout: float | None = None
    most_rows: int = 0
    idle_minutes: float | None = None
    certificate: str | None = None
    key: str | None = None
    has_password: bool = False

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise UnsafeServer("--tls-cert and --tls-key go together: a certificate and its key, in PEM")
        if not is_this_machine(self.host) and not (self.certificate and self.has_password):
            raise UnsafeServer(
                f"Others can reach {self.host}: give --tls-cert and --tls-key, and a password that callers have to "
                f"show, in {PASSWORD} or a file (--password-file)"
            )


def password_of(file: Path | None, environment: Mapping[str, str]) -> str | None:
    """Return the password that callers have to show: of a file that its owner alone can read, or of the environment.

    Raises UnsafeServer.
    """
    if file is None:
        password = environment.get(PASSWORD) or None
    else:
        mode = stat.S_IMODE(file.stat().st_mode)
        if mode & 0o077:
            raise UnsafeServer(f"{file} can be read by others (mode {mode:04o}): `chmod 600 {file}`")
        password = file.read_text().strip()
    require_long("password", password)
    return password
