"""What is done beside the start of the JVM."""

from __future__ import annotations

import threading
from importlib import import_module


def import_in_background(*modules: str) -> None:
    """Import slow modules while the JVM starts and ingests; who needs one waits for it by importing it."""
    threading.Thread(target=lambda: [import_module(name) for name in modules], daemon=True).start()
