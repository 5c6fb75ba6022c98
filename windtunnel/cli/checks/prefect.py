"""The Prefect server that runs are shown on."""

import os
from collections.abc import Iterator

from windtunnel.cli.checks.finding import Check, State

TIMEOUT_S = 3.0


def prefect_checks() -> Iterator[Check]:
    """Yield the check of the Prefect server."""
    yield Check("prefect", _prefect)


def _prefect() -> tuple[State, str, str]:
    """Find the server and compare its version with this client's: the minor version must be the same."""
    import json
    from importlib.metadata import version
    from urllib.request import ProxyHandler, build_opener

    from windtunnel.cli.prefect_server import standing_server

    given = os.environ.get("PREFECT_API_URL", "").strip()
    standing = None if given else standing_server()
    api = given or (standing.api if standing else "")
    if not api:
        return State.WARN, "no server stands; `windtunnel run` starts one", "windtunnel server up"
    opener = build_opener(ProxyHandler({})) if standing else build_opener()
    try:
        with opener.open(f"{api.rstrip('/')}/admin/version", timeout=TIMEOUT_S) as answer:
            server = str(json.loads(answer.read()))
    except (OSError, ValueError) as error:
        remedy = (
            "start it, or correct PREFECT_API_URL"
            if given
            else "windtunnel server down; windtunnel server up"
        )
        return State.FAIL, f"{api} does not answer as Prefect does: {error}", remedy
    client = version("prefect")
    if server.split(".")[:2] != client.split(".")[:2]:
        remedy = "use the same minor version on both sides"
        return State.FAIL, f"the server at {api} is {server}, this client {client}", remedy
    return State.OK, f"{server} at {api}", ""
