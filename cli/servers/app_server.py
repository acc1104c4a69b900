"""The web app's server: waitress, on this machine unless told otherwise."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

from warehouse.contract.errors import SparkhouseError

if TYPE_CHECKING:
    from cli.machine.home import Home

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
THREADS = 8
LEAST_LETTERS = 16
# Without a browser that ends its requests, so many seconds.
IDLE_SECONDS = 60


class UnsafeServer(SparkhouseError, ValueError):
    """A server that others could reach without showing that they may."""


def serve(home: Home, host: str, port: int, token: str | None, *, read_only: bool) -> None:
    """Serve until the process is ended. Raises UnsafeServer, OSError (the port is taken)."""
    from waitress.server import create_server  # type: ignore[import-untyped]

    from cli.servers.upload_reader import UploadReader
    from models_ml.serving.app import create_app
    from models_ml.serving.web.settings import LOCAL_NAMES, Settings

    require_safe(host, token)
    names = LOCAL_NAMES | {host.lower(), f"[{host.lower()}]"}
    settings = Settings(home.serving, home.reports, token, frozenset(names), read_only=read_only)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    # Otherwise it tells of each request that waits for a thread.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    app = create_app(settings, UploadReader(home.tmp))
    server = create_server(
        app,
        host=host,
        port=port,
        threads=THREADS,
        ident="sparkhouse",
        channel_timeout=IDLE_SECONDS,
        max_request_body_size=settings.most_bytes,
        clear_untrusted_proxy_headers=True,
    )
    address = f"[{host}]" if ":" in host else host
    print(f"Sparkhouse: http://{address}:{server.effective_port}/ (end it with Ctrl-C)", flush=True)
    try:
        server.run()
    finally:
        server.close()


def require_safe(host: str, token: str | None) -> None:
    """Raise UnsafeServer where others reach the server without a token, or with one that is easily guessed."""
    if token is not None and len(token) < LEAST_LETTERS:
        raise UnsafeServer(f"The token has {len(token)} letters; {LEAST_LETTERS} at least are hard to guess")
    if host.lower() not in LOOPBACK and token is None:
        raise UnsafeServer(
            f"Others can reach {host}: give --token, or SPARKHOUSE_APP_TOKEN, which callers have to show; "
            "behind a proxy with TLS of its own, or what they send is read on the way"
        )
