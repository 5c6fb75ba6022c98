"""kubernetes probe: how ready a workload or some pods are, or a condition of any object."""

from collections.abc import Mapping
from typing import Any

from windtunnel.clients.cluster import Cluster
from windtunnel.clients.connection import Timeouts
from windtunnel.clients.kinds import Resource, resource, split_reference
from windtunnel.clients.readiness import condition, is_finished, pod_is_ready, workload_readiness
from windtunnel.clients.targets import WORKLOADS
from windtunnel.model.errors import InputError, NotFoundError, ProbeError
from windtunnel.model.experiment import KubernetesProbe
from windtunnel.probes.answer import Answer
from windtunnel.probes.looking import ProbeContext


def look_kubernetes(probe: KubernetesProbe, context: ProbeContext, *, timeout_s: float) -> Answer:
    """Read the object or objects, and compare.

    Raises:
        ProbeError: the probe names nothing that exists, or nothing that has readiness.
        ClusterError: the cluster could not be asked.
    """
    if context.cluster is None:
        msg = "there is no cluster to ask"
        raise ProbeError(msg)
    half = max(0.1, timeout_s / 2)
    cluster = context.cluster.within(Timeouts(connect_s=half, read_s=half, total_s=timeout_s, tries=1))
    namespace = probe.namespace or context.namespace
    try:
        if "/" in probe.object:
            kind, name = split_reference(probe.object)
            return _one(probe, kind, _get(cluster, kind, name, namespace))
        return _many(probe, resource(probe.object), cluster, namespace)
    except InputError as error:
        raise ProbeError(str(error)) from error


def _get(cluster: Cluster, kind: Resource, name: str, namespace: str) -> Mapping[str, Any]:
    where = namespace if kind.namespaced else ""
    if kind.namespaced and not where:
        msg = f"{kind.kind.lower()}/{name}: the probe names no namespace"
        raise ProbeError(msg)
    try:
        return {"kind": kind.kind, **cluster.get(kind, name, where)}
    except NotFoundError as error:
        msg = f"{kind.kind.lower()}/{name} does not exist" + (f" in {where}" if where else "")
        raise ProbeError(msg) from error


def _one(probe: KubernetesProbe, kind: Resource, found: Mapping[str, Any]) -> Answer:
    if probe.condition:
        holds, seen = _condition_holds(probe, found)
        return Answer(ok=holds, value=float(holds), detail=seen)
    if kind.kind in WORKLOADS:
        readiness = workload_readiness(found)
        value = float(readiness.ready)
        ok = probe.ready.holds(value) if probe.ready else readiness.complete
        expected = f", expected {probe.ready}" if probe.ready else ""
        return Answer(ok=ok, value=value, detail=f"{readiness}{expected}")
    if kind.kind in {"Pod", "Node"}:
        ready = pod_is_ready(found)
        ok = probe.ready.holds(float(ready)) if probe.ready else ready
        return Answer(ok=ok, value=float(ready), detail="ready" if ready else "not ready")
    msg = f"a {kind.kind} has no readiness; give the probe a condition"
    raise ProbeError(msg)


def _many(probe: KubernetesProbe, kind: Resource, cluster: Cluster, namespace: str) -> Answer:
    where = namespace if kind.namespaced else ""
    found = [item for item in cluster.list(kind, where, labels=probe.selector) if not is_finished(item)]
    matching = f" with {probe.selector}" if probe.selector else ""
    if not found and probe.ready is None:
        msg = f"there are no {kind.plural}{matching}" + (f" in {where}" if where else "")
        raise ProbeError(msg)
    if probe.condition:
        good = sum(_condition_holds(probe, item)[0] for item in found)
        word = f"with {probe.condition}={probe.status}"
    elif kind.kind in {"Pod", "Node"}:
        good, word = sum(pod_is_ready(item) for item in found), "ready"
    elif kind.kind in WORKLOADS:
        good = sum(workload_readiness({"kind": kind.kind, **item}).complete for item in found)
        word = "complete"
    else:
        msg = f"{kind.plural} have no readiness; give the probe a condition"
        raise ProbeError(msg)
    ok = probe.ready.holds(float(good)) if probe.ready else good == len(found)
    expected = f", expected {probe.ready}" if probe.ready else ""
    return Answer(ok=ok, value=float(good), detail=f"{good} of {len(found)} {word}{expected}")


def _condition_holds(probe: KubernetesProbe, found: Mapping[str, Any]) -> tuple[bool, str]:
    seen = condition(found, probe.condition)
    if seen is None:
        return False, f"has no condition {probe.condition}"
    reason = f" ({seen['reason']})" if seen.get("reason") else ""
    told = f"{probe.condition} is {seen.get('status')}{reason}, expected {probe.status}"
    return seen.get("status") == probe.status, told
