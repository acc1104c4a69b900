"""Who may reach a server of ours: this machine, or whoever shows what is hard to guess."""

from __future__ import annotations

from warehouse.contract.errors import SparkhouseError

LOOPBACK = "127.0.0.1"
THIS_MACHINE = frozenset({"localhost", LOOPBACK, "::1"})
LEAST_LETTERS = 16


class UnsafeServer(SparkhouseError, ValueError):
    """A server that others could reach without showing that they may, or listen to on the way."""


def is_this_machine(host: str) -> bool:
    """Whether nobody else reaches a server that listens there."""
    return host.lower() in THIS_MACHINE


def require_long(kind: str, secret: str | None) -> None:
    """Raise UnsafeServer for a token or password, if there is one, that is easily guessed."""
    if secret is not None and len(secret) < LEAST_LETTERS:
        raise UnsafeServer(f"The {kind} has {len(secret)} letters; {LEAST_LETTERS} at least are hard to guess")
