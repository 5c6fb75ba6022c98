"""Whether a pod fits a node, and in the scheduler's words why not."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from infra.lab.client import Object
from infra.lab.controllers.node_affinity import wants_node
from infra.lab.controllers.pod_resources import amount, requests_of
from infra.lab.controllers.scheduler.ledger import Ledger, NodeUse, host_ports
from infra.lab.controllers.taints import taints_of, untolerated
from infra.lab.objects.selectors import match_label_selector

HOST = "kubernetes.io/hostname"


@dataclass(frozen=True, slots=True)
class View:
    """The nodes, and what is taken on them."""

    nodes: Sequence[Object]
    ledger: Ledger

    def domain(self, node: Object, topology: str) -> str | None:
        """Where a node lies in a topology; None where it does not say. A node always is a host of its own."""
        labels = node["metadata"].get("labels") or {}
        found: str | None = labels.get(topology)
        return node["metadata"]["name"] if found is None and topology == HOST else found

    def by_domain(self, counts: Counter[str], topology: str, among: Sequence[Object]) -> Counter[str]:
        """Counts by node as counts by domain; domains without any count 0."""
        found: Counter[str] = Counter()
        for node in among:
            domain = self.domain(node, topology)
            if domain is not None:
                found[domain] += counts[node["metadata"]["name"]]
        return found


def why_not(pod: Object, node: Object, view: View) -> list[str]:
    """Why a pod cannot run on a node, by the first kind of reason found; empty where it can."""
    spec = pod["spec"]
    if (node.get("spec") or {}).get("unschedulable") and not _tolerates_cordon(spec):
        return ["node(s) were unschedulable"]
    if spec.get("nodeName") and spec["nodeName"] != node["metadata"]["name"]:
        return ["node(s) didn't match the requested node name"]
    taint = untolerated(spec.get("tolerations") or (), taints_of(node, "NoSchedule", "NoExecute"))
    if taint is not None:
        return [f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value', '')}}}"]
    if not wants_node(spec, node):
        return ["node(s) didn't match Pod's node affinity/selector"]
    use = view.ledger.use(node["metadata"]["name"])
    if any(port in use.ports for port in host_ports(pod)):
        return ["node(s) didn't have free ports for the requested pod ports"]
    return _lacks(pod, node, use) or _breaks_spread(pod, node, view) or _breaks_affinity(pod, node, view)


def _tolerates_cordon(spec: Object) -> bool:
    taint = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
    return untolerated(spec.get("tolerations") or (), [taint]) is None


def _lacks(pod: Object, node: Object, use: NodeUse) -> list[str]:
    """Resources the node has too little of. A node that does not say how much it has is not limited."""
    have = (node.get("status") or {}).get("allocatable") or {}
    found = []
    if "pods" in have and use.pods + 1 > amount(str(have["pods"])):
        found.append("Too many pods")
    for name, wanted in requests_of(pod).items():
        if not wanted:
            continue
        if not have and name in {"cpu", "memory", "ephemeral-storage"}:
            continue
        if use.requested.get(name, Decimal(0)) + wanted > amount(str(have.get(name, "0"))):
            found.append(f"Insufficient {name}")
    return found


def _breaks_spread(pod: Object, node: Object, view: View) -> list[str]:
    for constraint in pod["spec"].get("topologySpreadConstraints") or ():
        if constraint.get("whenUnsatisfiable", "DoNotSchedule") != "DoNotSchedule":
            continue
        topology = constraint["topologyKey"]
        domain = view.domain(node, topology)
        if domain is None:
            return ["node(s) didn't match pod topology spread constraints (missing required label)"]
        counts = view.ledger.matching(pod["metadata"]["namespace"], constraint.get("labelSelector") or {})
        wanted = [one for one in view.nodes if wants_node(pod["spec"], one)]
        domains = view.by_domain(counts, topology, wanted)
        if domains[domain] + 1 - min(domains.values(), default=0) > int(constraint.get("maxSkew", 1)):
            return ["node(s) didn't match pod topology spread constraints"]
    return []


def _breaks_affinity(pod: Object, node: Object, view: View) -> list[str]:
    affinity = pod["spec"].get("affinity") or {}
    for term in _required(affinity, "podAffinity"):
        counts = _by_term(term, pod, view)
        total = sum(counts.values())
        first = not total and _selects_itself(term, pod)
        domain = view.domain(node, term["topologyKey"])
        if domain is None or (not counts[domain] and not first):
            return ["node(s) didn't match pod affinity rules"]
    for term in _required(affinity, "podAntiAffinity"):
        domain = view.domain(node, term["topologyKey"])
        if domain is not None and _by_term(term, pod, view)[domain]:
            return ["node(s) didn't match pod anti-affinity rules"]
    return []


def _required(affinity: Object, kind: str) -> Sequence[Object]:
    return (affinity.get(kind) or {}).get("requiredDuringSchedulingIgnoredDuringExecution") or ()


def _by_term(term: Object, pod: Object, view: View) -> Counter[str]:
    total: Counter[str] = Counter()
    for namespace in term.get("namespaces") or [pod["metadata"]["namespace"]]:
        counts = view.ledger.matching(namespace, term.get("labelSelector") or {})
        total.update(view.by_domain(counts, term["topologyKey"], view.nodes))
    return total


def _selects_itself(term: Object, pod: Object) -> bool:
    return match_label_selector(term.get("labelSelector"), pod["metadata"].get("labels"))


def explain(reasons: Counter[str], nodes: int) -> str:
    """The message of a pod that fits nowhere."""
    if not nodes:
        return "no nodes available to schedule pods"
    parts = ", ".join(sorted(f"{count} {reason}" for reason, count in reasons.items()))
    return (
        f"0/{nodes} nodes are available: {parts}. "
        f"preemption: 0/{nodes} nodes are available: {nodes} Preemption is not helpful for scheduling."
    )
