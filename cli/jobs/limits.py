"""The limits of the gate as they are in force here: ours, the user's file, and a setting of the environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cli.machine.home import Home
    from expectations.limits import Limits


def limits_of(home: Home) -> Limits:
    """Return the limits in force. Raises BrokenLimits, InvalidSetting."""
    # It validates with a library that takes a while to import.
    from expectations.limits import load

    limits = load(home.limits)
    return limits.with_drift(home.on_drift, "SPARKHOUSE_DRIFT") if home.on_drift else limits
