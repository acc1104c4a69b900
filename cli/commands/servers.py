"""The commands that serve: the web app."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.machine.home import Home


def app(
    host: Annotated[
        str, typer.Option(help="Name or address to listen on; another than this machine needs --token.")
    ] = ("127.0.0.1"),
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port to listen on; 0 takes a free one.")] = 8000,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="SPARKHOUSE_APP_TOKEN",
            show_envvar=True,
            show_default=False,
            help="What callers have to show, as bearer or in the login form; 16 letters at least.",
        ),
    ] = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="No upload and no scoring.")] = False,
) -> None:
    """Serve customers, reasons, scores and campaigns of the newest publication, for people and programs."""
    from cli.servers.app_server import serve

    serve(Home.from_environment(), host, port, token, read_only=read_only)
