"""The commands that serve: the web app, and SQL."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from cli.jobs.dbt import CHECK_FAILED
from cli.machine.home import Home

sql_server_app = typer.Typer(
    no_args_is_help=True,
    help="A server of SQL that stays, for BI tools, notebooks and `sparkhouse sql`: it only reads.",
)


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


@sql_server_app.command("start")
def start_sql_server(
    host: Annotated[
        str, typer.Option(help="Address to listen on; another than this machine needs TLS and a password.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port of Hive's protocol; 0 takes a free one.")] = 10_000,
    timeout: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="End statements of clients after so long; 0 never does.")
    ] = 600,
    most_rows: Annotated[
        int, typer.Option(min=0, help="Statements of clients with more rows fail; with 0 none does, and rows stream.")
    ] = 1_000_000,
    idle_minutes: Annotated[
        float | None, typer.Option(min=0, metavar="MINUTES", help="End when nobody has asked for so long.")
    ] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="Certificate of the server, in PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its key, in PEM.")] = None,
    password_file: Annotated[
        Path | None,
        typer.Option(help="File, yours alone to read, with what callers have to show; or SPARKHOUSE_SQL_PASSWORD."),
    ] = None,
) -> None:
    """Start it in the background, on the state folder; it shows each publication at once."""
    from cli.servers.sql_server.control import start
    from cli.servers.sql_server.serving import Serving, password_of

    password = password_of(password_file, os.environ)
    certificate, key = (str(path.absolute()) if path else None for path in (tls_cert, tls_key))
    serving = Serving(host, port, timeout, most_rows, idle_minutes, certificate, key, has_password=password is not None)
    running = start(Home.from_environment(), serving, password)
    print(f"SQL server {running.place}")


@sql_server_app.command("stop")
def stop_sql_server() -> None:
    """End it, and the statements that it is answering."""
    from cli.servers.sql_server.control import stop

    stopped = stop(Home.from_environment())
    print(f"ended: SQL server {stopped.place}" if stopped else "no SQL server runs")


@sql_server_app.command("status")
def sql_server_status() -> None:
    """Say where it listens, since when, and how much memory it holds; exit code 1 if there is none."""
    from cli.runs.server_record import running_server
    from cli.servers.sql_server.control import memory_bytes

    running = running_server(Home.from_environment().path)
    if not running:
        print("no SQL server runs")
        raise typer.Exit(CHECK_FAILED)
    print(f"SQL server {running.place}, {memory_bytes(running) / 1e6:,.0f} MB of memory")
