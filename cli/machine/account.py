"""Who runs this process."""

from __future__ import annotations

import os
import pwd


def account() -> str:
    """The name of the account, or its number where it has none."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
