"""`windtunnel serve`: run from this process what runs by itself."""

import typer

from windtunnel.cli.console import note


def register(app: typer.Typer) -> None:
    """Add the verb to *app*."""
    app.command("serve")(serve)


def serve() -> None:
    """Run the janitor each minute, as a Prefect deployment served by this process, until it is stopped.

    It also tells Prefect to mark a run crashed whose heartbeat has stopped, and to run the janitor then.
    """
    from windtunnel.cli.prefect_server import connect_to_prefect

    connect_to_prefect(say=note)
    from deployments.applying import serve as serve_deployments

    serve_deployments()
