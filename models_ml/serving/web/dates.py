"""Dates as requests say them."""

from __future__ import annotations

from datetime import date


def is_date(text: str) -> bool:
    """Whether a text is a date as 2018-12-01, and not one of the other forms of ISO."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
