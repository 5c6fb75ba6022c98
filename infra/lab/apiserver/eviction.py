"""Eviction: a delete that asks the disruption budgets first."""

from typing import TYPE_CHECKING, Any

from infra.lab.apiserver import clock
from infra.lab.apiserver.deletion import DeleteOptions, check_preconditions
from infra.lab.apiserver.listing import get_object
from infra.lab.apiserver.reading import read_options
from infra.lab.apiserver.request import Answer, Request, Route
from infra.lab.objects import statuses
from infra.lab.objects.selectors import match_label_selector
from infra.lab.objects.statuses import Cause, StatusError

if TYPE_CHECKING:
    from infra.lab.apiserver.server import ApiServer

Object = dict[str, Any]

_BUDGETS = "policy/poddisruptionbudgets"
_BLOCKED = "Cannot evict pod as it would violate the pod's disruption budget."
_SEVERAL = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
_RETRY_S = 10


def evict(server: "ApiServer", request: Request, route: Route) -> Answer:
    """POST to a pod's eviction subresource."""
    body = read_options(request)
    name = (body.get("metadata") or {}).get("name", "")
    if name and name != route.name:
        raise StatusError(statuses.bad_request("name in URL does not match name in Eviction object"))
    pod = get_object(server, route)
    options = DeleteOptions.read(body.get("deleteOptions") or {}, request.query)
    check_preconditions(route, pod, options)
    if not _never_guarded(pod):
        _spend(server, route, pod, dry_run=options.dry_run)
    if not options.dry_run:
        pod = _marked(server, route, pod)
        server.deletion.delete(route, pod, options)
    return Answer(201, statuses.success(201))


def _never_guarded(pod: Object) -> bool:
    """Pods that serve nobody are evicted whatever a budget says."""
    phase = pod.get("status", {}).get("phase")
    return phase in {"Succeeded", "Failed", "Pending"} or "deletionTimestamp" in pod["metadata"]


def _spend(server: "ApiServer", route: Route, pod: Object, *, dry_run: bool) -> None:
    """Take the eviction off the pod's budget, if it has one.

    Raises:
        StatusError: 429 where the budget is spent; 500 where there are several budgets.
    """
    labels = pod["metadata"].get("labels")
    collection = server.store.collection(_BUDGETS)
    budgets = [
        (key, budget)
        for key, budget in collection.select(route.namespace)
        if match_label_selector(budget["spec"].get("selector"), labels)
    ]
    if not budgets:
        return
    if len(budgets) > 1:
        raise StatusError(statuses.unexplained(_SEVERAL))
    key, budget = budgets[0]
    if not _is_ready(pod) and _lets_unready_go(budget):
        return
    _require_room(budget)
    if not dry_run:
        server.store.write(collection, key, _spent(budget, pod["metadata"]["name"]))


def _is_ready(pod: Object) -> bool:
    conditions = pod.get("status", {}).get("conditions") or ()
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _lets_unready_go(budget: Object) -> bool:
    """Whether an unready pod may go without counting."""
    if budget["spec"].get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    status = budget.get("status", {})
    return bool(0 < status.get("desiredHealthy", 0) <= status.get("currentHealthy", 0))


def _require_room(budget: Object) -> None:
    name, status = budget["metadata"]["name"], budget.get("status", {})
    if status.get("observedGeneration", 0) < budget["metadata"].get("generation", 0):
        words = f"The disruption budget {name} is still being processed by the server."
        body = statuses.too_many_requests(
            _BLOCKED, [Cause("DisruptionBudget", words, "")], retry_after_s=_RETRY_S
        )
        raise StatusError(body, headers={"Retry-After": str(_RETRY_S)})
    if status.get("disruptionsAllowed", 0) > 0:
        return
    failed = next((one for one in status.get("conditions") or () if one.get("reason") == "SyncFailed"), None)
    if failed is not None:
        words = f"does not allow evicting pods currently because it failed sync: {failed.get('message', '')}"
    else:
        needed, have = status.get("desiredHealthy", 0), status.get("currentHealthy", 0)
        words = f"needs {needed} healthy pods and has {have} currently"
    cause = Cause("DisruptionBudget", f"The disruption budget {name} {words}", "")
    raise StatusError(statuses.too_many_requests(_BLOCKED, [cause]))


def _spent(budget: Object, pod_name: str) -> Object:
    """A budget after one more eviction; its controller recounts later."""
    status = dict(budget["status"])
    status["disruptionsAllowed"] -= 1
    status["disruptedPods"] = {**(status.get("disruptedPods") or {}), pod_name: clock.timestamp()}
    if status["disruptionsAllowed"] == 0:
        changed = {"status": "False", "reason": "InsufficientPods", "lastTransitionTime": clock.timestamp()}
        status["conditions"] = [
            {**one, **changed} if one["type"] == "DisruptionAllowed" else one
            for one in status.get("conditions") or ()
        ]
    return {**budget, "status": status}


def _marked(server: "ApiServer", route: Route, pod: Object) -> Object:
    """The pod with the condition that says why it goes, stored."""
    condition = {
        "type": "DisruptionTarget",
        "status": "True",
        "observedGeneration": pod["metadata"].get("generation", 1),
        "lastProbeTime": None,
        "lastTransitionTime": clock.timestamp(),
        "reason": "EvictionByEvictionAPI",
        "message": "Eviction API: evicting",
    }
    status = pod.get("status", {})
    others = [one for one in status.get("conditions") or () if one["type"] != "DisruptionTarget"]
    marked = {**pod, "status": {**status, "conditions": [*others, condition]}}
    collection = server.store.collection(route.collection)
    return server.store.write(collection, (route.namespace or "", route.name or ""), marked)
