"""Puts all controllers together and runs them."""

import asyncio

from infra.lab.client import Api
from infra.lab.controllers.cluster import Cluster
from infra.lab.controllers.daemon_set import DaemonSetController
from infra.lab.controllers.deployment import DeploymentController
from infra.lab.controllers.disruption_budgets import DisruptionBudgetController
from infra.lab.controllers.endpoint_slices import EndpointSliceController
from infra.lab.controllers.endpoints import EndpointsController
from infra.lab.controllers.garbage_collection import GarbageCollector
from infra.lab.controllers.job import JobController
from infra.lab.controllers.lost_pods import LostPodController
from infra.lab.controllers.namespaces import NamespaceController
from infra.lab.controllers.node_lifecycle import NodeLifecycleController
from infra.lab.controllers.quotas import QuotaController
from infra.lab.controllers.replica_set import ReplicaSetController
from infra.lab.controllers.running import Controller, work
from infra.lab.controllers.scheduler.scheduling import Scheduler
from infra.lab.controllers.stateful_set import StatefulSetController
from infra.lab.controllers.taint_eviction import TaintEvictionController
from infra.lab.controllers.timings import ControllerTimings

WORKERS = 2
"""Reconciles of one controller under way at a time; the scheduler decides one pod after the other."""


def all_controllers(cluster: Cluster, timings: ControllerTimings, *, root_ca: str) -> list[Controller]:
    """Every controller of the lab, listening to the caches."""
    return [
        GarbageCollector(cluster, timings),
        NamespaceController(cluster, timings, root_ca=root_ca),
        NodeLifecycleController(cluster, timings),
        TaintEvictionController(cluster, timings),
        LostPodController(cluster, timings),
        QuotaController(cluster, timings),
        DeploymentController(cluster, timings),
        ReplicaSetController(cluster, timings),
        StatefulSetController(cluster, timings),
        DaemonSetController(cluster, timings),
        JobController(cluster, timings),
        EndpointsController(cluster, timings),
        EndpointSliceController(cluster, timings),
        DisruptionBudgetController(cluster, timings),
        Scheduler(cluster, timings),
    ]


async def run_controllers(
    api: Api,
    *,
    timings: ControllerTimings | None = None,
    root_ca: str = "",
    started: asyncio.Event | None = None,
) -> None:
    """Run all controllers and the scheduler until cancelled.

    Args:
        api: the cluster.
        timings: how long to wait for what.
        root_ca: the cluster's CA certificate in PEM form, for the ConfigMap that every namespace gets.
        started: set when every cache is complete and the work begins.
    """
    cluster = Cluster(api)
    controllers = all_controllers(cluster, timings or ControllerTimings(), root_ca=root_ca)
    async with asyncio.TaskGroup() as group:
        await cluster.start(group)
        for controller in controllers:
            for _ in range(1 if isinstance(controller, Scheduler) else WORKERS):
                group.create_task(work(controller), name=f"controller {controller.name}")
        if started is not None:
            started.set()
