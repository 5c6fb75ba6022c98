"""`windtunnel server`: the standing Prefect server of this state folder."""

import json
from typing import Annotated

import typer

from windtunnel.cli.console import AsJson, say

app = typer.Typer(no_args_is_help=True, help="The standing Prefect server: up, down, status.")

Port = Annotated[
    int | None, typer.Option(min=1, max=65535, metavar="NUMBER", help="Port; 4200 or a free one by default.")
]


@app.command()
def up(port: Port = None, *, as_json: AsJson = False) -> None:
    """Start the server, or show the one that runs already."""
    from windtunnel.cli.prefect_server import start_server

    server = start_server(port=port)
    if as_json:
        say(json.dumps({"running": True, "api": server.api, "ui": server.ui, "pid": server.pid}))
    else:
        say(f"Prefect server  {server.ui}  (process {server.pid}, log {server.log})")


@app.command()
def down() -> None:
    """Stop the server; runs recorded in it are kept."""
    from windtunnel.cli.prefect_server import stop_server

    say("Prefect server stopped." if stop_server() else "No Prefect server was running.")


@app.command()
def status(*, as_json: AsJson = False) -> None:
    """Show whether the server runs, and where.

    Exits with 1 when it does not run.
    """
    from windtunnel.cli.prefect_server import standing_server

    server = standing_server()
    if as_json:
        where = {"api": server.api, "ui": server.ui, "pid": server.pid} if server else {}
        say(json.dumps({"running": server is not None} | where))
    elif server:
        say(f"Prefect server  {server.ui}  (process {server.pid}, log {server.log})")
    else:
        say("No Prefect server is running. Start it with: windtunnel server up")
    if server is None:
        raise typer.Exit(1)
