"""Put the registry's values on a Prefect server, and serve them from this process."""

from datetime import timedelta
from importlib import import_module
from typing import Any
from uuid import UUID

import prefect
from prefect import Flow
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.deployments.runner import RunnerDeployment
from prefect.types.entrypoint import EntrypointType

from deployments.automations import DEAD_RUN, dead_run
from deployments.registry import JANITOR, Scheduled


def runner_deployment(scheduled: Scheduled) -> RunnerDeployment:
    """Return *scheduled* as Prefect takes it."""
    module, _, name = scheduled.entrypoint.partition(":")
    flow: Flow[..., Any] = getattr(import_module(module), name)
    made = flow.to_deployment(
        name=scheduled.name,
        interval=timedelta(seconds=scheduled.every_s),
        description=scheduled.description,
        tags=list(scheduled.tags),
        concurrency_limit=ConcurrencyLimitConfig(
            limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW
        ),
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    if not isinstance(made, RunnerDeployment):  # it is a coroutine inside an event loop
        msg = "deployments are made outside of an event loop"
        raise TypeError(msg)
    return made


def serve() -> None:
    """Apply the janitor's deployment and the automation for dead runs, and run what is due until stopped.

    Raises:
        PrefectApiError: the server does not take them.
    """
    janitor = runner_deployment(JANITOR)
    _apply_automation(janitor)
    prefect.serve(janitor)


def _apply_automation(janitor: RunnerDeployment) -> None:
    """Write the automation, over an earlier one of its name."""
    from prefect.client.orchestration import get_client

    applied = janitor.apply()
    assert isinstance(applied, UUID), "outside of an event loop it is no coroutine"  # noqa: S101 - for the type checker
    wanted = dead_run(applied)
    with get_client(sync_client=True) as client:
        for known in client.read_automations_by_name(DEAD_RUN):
            client.delete_automation(known.id)
        client.create_automation(wanted)
