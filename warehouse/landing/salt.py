"""The secret that turns personal names into pseudonyms."""

from __future__ import annotations

import os
import re
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class UnusableSalt(ValueError):
    """The salt file holds something else than 64 hexadecimal digits."""


def load_salt(path: Path) -> str:
    """Return the salt kept at `path`: 32 random bytes in hexadecimal, made on first use, readable by its owner alone.

    Raises UnusableSalt when the file was damaged: a new salt would give the same person a second pseudonym.
    """
    if not path.exists():
        _create(path)
    salt = path.read_text().strip()
    if not re.fullmatch("[0-9a-f]{64}", salt):
        raise UnusableSalt(f"{path} does not hold 64 hexadecimal digits: restore a backup, or delete it for a new one")
    return salt


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
    finally:
        draft.unlink()
