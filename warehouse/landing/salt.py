"""The secret that turns personal names into pseudonyms."""

from __future__ import annotations

import os
import re
import secrets
from typing import TYPE_CHECKING

from warehouse.contract.errors import SparkhouseError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RESTORE = "restore a backup, or give --no-pseudonymise, which keeps no names at all"
LET_THE_OWNER = "let its owner ingest, or give --no-pseudonymise, which keeps no names at all"


class UnusableSalt(SparkhouseError, ValueError):
    """There is no salt that fits the pseudonyms of the raw tables."""


def load_salt(path: Path, *, is_in_use: Callable[[], bool] = lambda: False) -> str:
    """Return the salt kept at `path`: 32 random bytes in hexadecimal, made on first use, readable by its owner alone.

    `is_in_use` tells whether there are pseudonyms already. Raises UnusableSalt when the file is damaged, cannot be
    read, or is gone while it is in use: a new salt would give the same person a second pseudonym.
    """
    if not path.exists():
        if is_in_use():
            raise UnusableSalt(f"{path} is gone, and the names in the raw tables need it: {RESTORE}")
        _create(path)
    if fault := salt_fault(path):
        raise UnusableSalt(": ".join(fault))
    return path.read_text().strip()


def salt_fault(path: Path) -> tuple[str, str] | None:
    """Return what is wrong with the salt at `path`, and the remedy; None where it is right, or was never made."""
    try:
        text = path.read_text()
    except FileNotFoundError:
        return None
    except PermissionError:
        return f"{path} is for its owner alone", LET_THE_OWNER
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        return f"{path} cannot be read ({reason})", RESTORE
    if re.fullmatch("[0-9a-f]{64}", text.strip()):
        return None
    return f"{path} does not hold 64 hexadecimal digits", RESTORE


def _create(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(secrets.token_hex(32))
    try:
        # A link appears whole or not at all, and never replaces what another process has just made.
        os.link(draft, path)
    except FileExistsError:
        pass
    except OSError:
        # A file system without links: whoever ingests holds the writers' lock.
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
