"""PodDisruptionBudgets: how many pods may be evicted now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from infra.lab.client import Object
from infra.lab.controllers import kinds, pods
from infra.lab.controllers.cluster import Cluster
from infra.lab.controllers.conditions import with_condition
from infra.lab.controllers.moments import as_time, read_time
from infra.lab.controllers.ownership import controller_of, is_going
from infra.lab.controllers.rounding import is_percent, resolve
from infra.lab.controllers.timings import ControllerTimings
from infra.lab.controllers.work_queue import WorkQueue
from infra.lab.objects.selectors import match_label_selector

_ALLOWED = "DisruptionAllowed"


class UnscalableError(Exception):
    """A budget counts in parts of a whole, and the pods' controller does not say how large the whole is."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """How many pods there should be, and how many of them healthy."""

    expected: int
    desired: int


def expectation(budget: Object, selected: int, whole: int) -> Expectation:
    """What a budget expects: `selected` pods exist, their controllers ask for `whole`.

    A maxUnavailable and a percentage are parts of the whole; a minAvailable number stands for itself.
    """
    spec = budget["spec"]
    if "maxUnavailable" in spec:
        lost = resolve(spec["maxUnavailable"], whole, up=True)
        return Expectation(whole, max(0, whole - lost))
    least = spec.get("minAvailable", 1)
    if is_percent(least):
        return Expectation(whole, resolve(least, whole, up=True))
    return Expectation(selected, int(least))


def needs_whole(budget: Object) -> bool:
    """Whether the budget's arithmetic needs the size that controllers ask for."""
    spec = budget["spec"]
    return "maxUnavailable" in spec or is_percent(spec.get("minAvailable"))


def still_disrupted(
    budget: Object, selected: Sequence[Object], now: datetime, within_s: float
) -> dict[str, str]:
    """Evicted pods that are not yet seen going: for a while they count as gone."""
    waiting = {pod["metadata"]["name"] for pod in selected if not is_going(pod)}
    noted = (budget.get("status") or {}).get("disruptedPods") or {}
    limit = now - timedelta(seconds=within_s)
    return {name: since for name, since in noted.items() if name in waiting and read_time(since) > limit}


def status_of(
    budget: Object, selected: Sequence[Object], expect: Expectation, disrupted: dict[str, str], now: datetime
) -> Object:
    """The budget's status."""
    healthy = sum(
        pods.is_ready(pod) and not is_going(pod) and pod["metadata"]["name"] not in disrupted
        for pod in selected
    )
    allowed = max(0, healthy - expect.desired) if expect.expected > 0 else 0
    generation = budget["metadata"].get("generation", 1)
    old = (budget.get("status") or {}).get("conditions") or []
    reason, holds = ("SufficientPods", "True") if allowed else ("InsufficientPods", "False")
    conditions = with_condition(old, _ALLOWED, holds, reason=reason, message="", now=now)
    status: Object = {
        "observedGeneration": generation,
        "disruptionsAllowed": allowed,
        "currentHealthy": healthy,
        "desiredHealthy": expect.desired,
        "expectedPods": expect.expected,
        "conditions": [
            {**one, "observedGeneration": generation} if one["type"] == _ALLOWED else one
            for one in conditions
        ],
    }
    return {**status, "disruptedPods": disrupted} if disrupted else status


def failed_status(budget: Object, message: str, now: datetime) -> Object:
    """The status of a budget whose arithmetic has no answer: nothing may be evicted."""
    status = {
        "currentHealthy": 0,
        "desiredHealthy": 0,
        "expectedPods": 0,
        **(budget.get("status") or {}),
        "disruptionsAllowed": 0,
    }
    old = [one for one in status.get("conditions") or () if one["type"] != _ALLOWED]
    stamp = as_time(now)
    before = pods.condition(budget, _ALLOWED)
    if before is not None and before["status"] == "False":
        stamp = before["lastTransitionTime"]
    failed = {"status": "False", "lastTransitionTime": stamp, "reason": "SyncFailed", "message": message}
    return {**status, "conditions": [*old, {"type": _ALLOWED, **failed}]}


class DisruptionBudgetController:
    """Keeps the status of budgets current."""

    name = "disruption"

    def __init__(self, cluster: Cluster, timings: ControllerTimings) -> None:
        self.queue: WorkQueue[tuple[str, str]] = WorkQueue(
            retry_first_s=timings.retry_first_s, retry_most_s=timings.retry_most_s
        )
        self._cluster = cluster
        self._timings = timings
        self._budgets = cluster.cache(kinds.BUDGETS)
        self._budgets.listen(self._on_budget)
        cluster.cache(kinds.PODS).listen(self._on_pod)
        for resource in (kinds.DEPLOYMENTS, kinds.REPLICA_SETS, kinds.STATEFUL_SETS):
            cluster.cache(resource).listen(self._on_scale)

    def _on_budget(self, old: Object | None, new: Object | None) -> None:
        metadata = (new or old or {})["metadata"]
        self.queue.add((metadata["namespace"], metadata["name"]))

    def _on_pod(self, old: Object | None, new: Object | None) -> None:
        namespace = (new or old or {})["metadata"]["namespace"]
        for budget in self._budgets.items(namespace):
            selector = budget["spec"].get("selector")
            labels = [one["metadata"].get("labels") for one in (old, new) if one is not None]
            if any(match_label_selector(selector, one) for one in labels):
                self.queue.add((namespace, budget["metadata"]["name"]))

    def _on_scale(self, old: Object | None, new: Object | None) -> None:
        if old is not None and new is not None and old["spec"].get("replicas") == new["spec"].get("replicas"):
            return
        namespace = (new or old or {})["metadata"]["namespace"]
        for budget in self._budgets.items(namespace):
            if needs_whole(budget):
                self.queue.add((namespace, budget["metadata"]["name"]))

    async def reconcile(self, key: tuple[str, str]) -> None:
        """Count the budget's pods."""
        budget = self._budgets.get(*key)
        if budget is None or is_going(budget):
            return
        now = self._cluster.now()
        selected = self._cluster.select_pods(key[0], budget["spec"].get("selector"))
        try:
            whole = self._whole(selected) if needs_whole(budget) else 0
        except UnscalableError as error:
            status = failed_status(budget, str(error), now)
        else:
            disrupted = still_disrupted(budget, selected, now, self._timings.disrupted_pod_s)
            status = status_of(budget, selected, expectation(budget, len(selected), whole), disrupted, now)
            if disrupted:
                self.queue.add_after(key, self._timings.disrupted_pod_s)
        if status != budget.get("status"):
            await self._cluster.set_status(kinds.BUDGETS, budget, status)

    def _whole(self, selected: Sequence[Object]) -> int:
        """How many pods the controllers of these pods ask for, each controller counted once.

        Raises:
            UnscalableError: one of the controllers has no scale.
        """
        direct = {one["uid"]: one for one in map(controller_of, selected) if one is not None}
        namespace = selected[0]["metadata"]["namespace"] if selected else ""
        return sum(dict(self._size_of(one, namespace) for one in direct.values()).values())

    def _size_of(self, reference: Object, namespace: str) -> tuple[str, int]:
        resource = self._cluster.resource_of(reference["apiVersion"], reference["kind"])
        if resource is None:
            return reference["uid"], 0
        if resource.subresource("scale") is None:
            message = f"{resource.qualified} does not implement the scale subresource"
            raise UnscalableError(message)
        owner = self._cluster.cache(resource).get(namespace, reference["name"])
        if owner is None or owner["metadata"]["uid"] != reference["uid"]:
            return reference["uid"], 0
        above = controller_of(owner)
        if resource == kinds.REPLICA_SETS and above is not None and above["kind"] == "Deployment":
            return self._size_of(above, namespace)
        return reference["uid"], int(owner["spec"].get("replicas", 1))
