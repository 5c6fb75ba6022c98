"""The Prefect server that runs are shown on."""

import os
from collections.abc import Iterator

from windtunnel.cli.checks.finding import Check, State

TIMEOUT_S = 3.0


def prefect_checks() -> Iterator[Check]:
    """Yield the checks of the Prefect server, and of the place of the safety lever on it."""
    yield Check("prefect", _prefect)
    yield Check("lever on prefect", _lever, "every run counts it as pulled: see the line of prefect")


def _lever() -> tuple[State, str, str]:
    from tasks.prefect_variables import read_variable
    from windtunnel.cli.checks.cluster import lever_position
    from windtunnel.cli.lever import known_prefect
    from windtunnel.clients.halt import VARIABLE
    from windtunnel.model.declaration import read_declaration

    if not known_prefect():
        return State.SKIPPED, "no server stands", ""
    return lever_position(read_declaration(read_variable(VARIABLE)), f"variable {VARIABLE}")


def _prefect() -> tuple[State, str, str]:
    """Find the server and compare its version with this client's: the minor version must be the same."""
    import json
    from importlib.metadata import version
    from urllib.request import ProxyHandler, Request, build_opener

    from windtunnel.cli.prefect_server import standing_server
    from windtunnel.clients.http import shown

    given = os.environ.get("PREFECT_API_URL", "").strip()
    standing = None if given else standing_server()
    api = given or (standing.api if standing else "")
    if not api:
        return State.WARN, "no server stands; `windtunnel run` starts one", "windtunnel server up"
    opener = build_opener(ProxyHandler({})) if standing else build_opener()
    try:
        asked = Request(f"{api.rstrip('/')}/admin/version", headers=_credentials())  # noqa: S310 - http(s), as Prefect takes it
        with opener.open(asked, timeout=TIMEOUT_S) as answer:
            server = str(json.loads(answer.read()))
    except (OSError, ValueError) as error:
        remedy = (
            "start it, or correct PREFECT_API_URL"
            if given
            else "windtunnel server down; windtunnel server up"
        )
        return State.FAIL, f"{shown(api)} does not answer as Prefect does: {shown(str(error))}", remedy
    client = version("prefect")
    if server.split(".")[:2] != client.split(".")[:2]:
        remedy = "use the same minor version on both sides"
        return State.FAIL, f"the server at {shown(api)} is {server}, this client {client}", remedy
    return State.OK, f"{server} at {shown(api)}", ""


def _credentials() -> dict[str, str]:
    """Return what Prefect's own client would send: a key, or user and password."""
    from base64 import b64encode

    if key := os.environ.get("PREFECT_API_KEY", "").strip():
        return {"Authorization": f"Bearer {key}"}
    if both := os.environ.get("PREFECT_API_AUTH_STRING", "").strip():
        return {"Authorization": f"Basic {b64encode(both.encode()).decode()}"}
    return {}
