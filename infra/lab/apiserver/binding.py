"""Binding: a scheduler's decision about where a pod runs."""

from dataclasses import replace as changed
from typing import TYPE_CHECKING, Any

from infra.lab.apiserver import clock
from infra.lab.apiserver.listing import get_object
from infra.lab.apiserver.reading import read_options
from infra.lab.apiserver.request import Answer, Request, Route
from infra.lab.objects import statuses
from infra.lab.objects.statuses import StatusError

if TYPE_CHECKING:
    from infra.lab.apiserver.server import ApiServer

Object = dict[str, Any]

_TOPOLOGY = ("topology.kubernetes.io/region", "topology.kubernetes.io/zone")


def bind(server: "ApiServer", request: Request, route: Route) -> Answer:
    """POST to a pod's binding subresource, or to the bindings collection."""
    body = read_options(request)
    name = (body.get("metadata") or {}).get("name", "")
    pods = server.registry.lookup("", "v1", "pods")
    route = changed(route, name=route.name or name, resource=pods or route.resource)
    target = (body.get("target") or {}).get("name", "")
    if not target:
        raise StatusError(statuses.unexplained("target.name: Required value"))
    pod = get_object(server, route)
    _require_free(pod)
    if not request.query.get("dryRun"):
        bound = _bound(server, pod, target)
        collection = server.store.collection(route.collection)
        server.store.write(collection, (route.namespace or "", route.name or ""), bound)
    return Answer(201, statuses.success(201))


def _require_free(pod: Object) -> None:
    name, why = pod["metadata"]["name"], ""
    if "deletionTimestamp" in pod["metadata"]:
        why = f"pod {name} is being deleted, cannot be assigned to a host"
    elif pod["spec"].get("nodeName"):
        why = f'pod {name} is already assigned to node "{pod["spec"]["nodeName"]}"'
    elif pod["spec"].get("schedulingGates"):
        why = f"pod {name} has non-empty .spec.schedulingGates"
    if why:
        raise StatusError(statuses.conflict(name, "pods/binding", why=why))


def _bound(server: "ApiServer", pod: Object, node_name: str) -> Object:
    status = pod.get("status", {})
    condition = {
        "type": "PodScheduled",
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": clock.timestamp(),
    }
    others = [one for one in status.get("conditions") or () if one["type"] != "PodScheduled"]
    return {
        **with_topology(server, pod, node_name),
        "spec": {**pod["spec"], "nodeName": node_name},
        "status": {**status, "conditions": [*others, condition]},
    }


def with_topology(server: "ApiServer", pod: Object, node_name: str) -> Object:
    """The pod with the zone and region labels of its node."""
    node = server.store.collection("/nodes").get(("", node_name))
    have = (node or {}).get("metadata", {}).get("labels") or {}
    added = {key: have[key] for key in _TOPOLOGY if key in have}
    if not added:
        return pod
    labels = {**(pod["metadata"].get("labels") or {}), **added}
    return {**pod, "metadata": {**pod["metadata"], "labels": labels}}
