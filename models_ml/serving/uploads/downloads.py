"""Answers that were given and can be downloaded once more: in memory, few, and not for long."""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass, field

MOST_KEPT = 4
SECONDS_KEPT = 900.0


@dataclass(frozen=True)
class Downloads:
    """The newest texts by a key that nobody guesses; each is forgotten after a time, and with the process."""

    seconds: float = SECONDS_KEPT
    _texts: dict[str, tuple[float, str]] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def put(self, text: str) -> str:
        """Keep a text; return its key."""
        key = secrets.token_urlsafe(24)
        with self._lock:
            self._forget_old()
            while len(self._texts) >= MOST_KEPT:
                del self._texts[next(iter(self._texts))]
            self._texts[key] = time.monotonic(), text
        return key

    def get(self, key: str) -> str | None:
        """Return the text of a key; None where it is forgotten, or was never there."""
        with self._lock:
            self._forget_old()
            return self._texts.get(key, (0.0, None))[1]

    def _forget_old(self) -> None:
        oldest = time.monotonic() - self.seconds
        for key in [key for key, (kept_at, _) in self._texts.items() if kept_at < oldest]:
            del self._texts[key]
