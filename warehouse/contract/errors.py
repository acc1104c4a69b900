"""The base of our own errors."""

from __future__ import annotations


class SparkhouseError(Exception):
    """A command could not do, or would not publish, what was asked; the message says why, and what to do."""
