"""Prefect variables, which people set in the Prefect UI: the safety lever and deployment freezes."""

from typing import TYPE_CHECKING, Any

from tasks.prefect_api import TIMEOUT_S, asking
from windtunnel.clients.http import shown
from windtunnel.model.errors import PrefectApiError
from windtunnel.redaction import one_line

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient


def read_variable(name: str, *, timeout_s: float = TIMEOUT_S) -> Any | None:
    """Return the value of a Prefect variable, or None where there is none of that name.

    Raises:
        PrefectApiError: it could not be read; who asks must take that as the worst that it may say.
    """
    with asking(f"reading the Prefect variable {name}", timeout_s) as client:
        found = _found(client, name)
        return found.value if found else None


def write_variable(name: str, value: Any, *, timeout_s: float = TIMEOUT_S) -> None:
    """Set a Prefect variable, whether it is there or not.

    Raises:
        PrefectApiError: it could not be written.
    """
    from prefect.client.schemas.actions import VariableCreate, VariableUpdate

    with asking(f"writing the Prefect variable {name}", timeout_s) as client:
        if _found(client, name) is None:
            client.create_variable(VariableCreate(name=name, value=value))
        else:
            client.update_variable(VariableUpdate(name=name, value=value))


def delete_variable(name: str, *, timeout_s: float = TIMEOUT_S) -> bool:
    """Remove a Prefect variable; say whether it was there.

    Raises:
        PrefectApiError: it could not be removed.
    """
    with asking(f"deleting the Prefect variable {name}", timeout_s) as client:
        if _found(client, name) is None:
            return False
        client.delete_variable_by_name(name)
        return True


def _found(client: "SyncPrefectClient", name: str) -> Any | None:
    """Return the variable, or None where a Prefect server says that there is none.

    The client takes any 404 for that, also the one of an ingress with nothing behind it.
    """
    found = client.read_variable_by_name(name)
    if found is None and (problem := client.api_healthcheck()) is not None:
        why = one_line(shown(str(problem)), 200)
        msg = f"looking for the Prefect variable {name}: no Prefect server answers there ({why})"
        raise PrefectApiError(msg)
    return found
