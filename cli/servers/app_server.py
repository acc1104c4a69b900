"""The web app's server: waitress, on this machine unless told otherwise."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from contextlib import suppress
from typing import TYPE_CHECKING

from cli.servers.reach import UnsafeServer, is_this_machine, require_long

if TYPE_CHECKING:
    from waitress.server import BaseWSGIServer  # type: ignore[import-untyped]

    from cli.machine.home import Home

THREADS = 8
# Without a browser that ends its requests, so many seconds.
IDLE_SECONDS = 60


def serve(home: Home, host: str, port: int, token: str | None, *, read_only: bool) -> None:
    """Serve until the process is ended. Raises UnsafeServer, NoTemporaryFolder, OSError (the port is taken)."""
    require_safe(host, token)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    # Otherwise it tells of each request that waits for a thread.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    _keep_bodies_below(home)
    server = make_server(home, host, port, token, read_only=read_only)
    address = f"[{host}]" if ":" in host else host
    print(f"Sparkhouse: http://{address}:{server.effective_port}/ (end it with Ctrl-C)", flush=True)
    try:
        server.run()
    finally:
        server.close()


def make_server(home: Home, host: str, port: int, token: str | None, *, read_only: bool) -> BaseWSGIServer:
    """Return the server, which listens and answers as soon as it runs. Raises OSError (the port is taken)."""
    from waitress.server import create_server

    from cli.servers.upload_reader import UploadReader
    from models_ml.serving.app import create_app
    from models_ml.serving.web.settings import LOCAL_NAMES, Settings

    names = LOCAL_NAMES | {host.lower(), f"[{host.lower()}]"}
    settings = Settings(home.serving, home.reports, token, frozenset(names), read_only=read_only)
    return create_server(
        create_app(settings, UploadReader(home.tmp)),
        host=host,
        port=port,
        threads=THREADS,
        ident="sparkhouse",
        channel_timeout=IDLE_SECONDS,
        max_request_body_size=settings.most_bytes,
        clear_untrusted_proxy_headers=True,
    )


def _keep_bodies_below(home: Home) -> None:
    """Let what is sent, where it is too large for memory, lie in the state folder until it is answered.

    Where that is full or cannot be written to, it can still be read, and other folders are taken. Raises
    NoTemporaryFolder.
    """
    from cli.machine.temporary import scratch_folder, temporary_folders

    with suppress(OSError):
        home.tmp.mkdir(parents=True, exist_ok=True)
    tempfile.tempdir = os.environ["TMPDIR"] = str(scratch_folder(temporary_folders(home.path)))


def require_safe(host: str, token: str | None) -> None:
    """Raise UnsafeServer where others reach the server without a token, or with one that is easily guessed."""
    require_long("token", token)
    if not is_this_machine(host) and token is None:
        raise UnsafeServer(
            f"Others can reach {host}: give --token, or SPARKHOUSE_APP_TOKEN, which callers have to show; "
            "behind a proxy with TLS of its own, or what they send is read on the way"
        )
