"""Which of the fit nodes is best: spread first, then room, then what the pod would like."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

from infra.lab.client import Object
from infra.lab.controllers.node_affinity import preference
from infra.lab.controllers.ownership import controller_of
from infra.lab.controllers.pod_resources import amount
from infra.lab.controllers.scheduler.fitness import View, explain, why_not
from infra.lab.controllers.taints import taints_of, untolerated


def choose(pod: Object, view: View) -> tuple[str, str]:
    """The name of the best node, or an empty one and the reason why there is none."""
    fit: list[Object] = []
    reasons: Counter[str] = Counter()
    for node in view.nodes:
        found = why_not(pod, node, view)
        reasons.update(found)
        if not found:
            fit.append(node)
    if not fit:
        return "", explain(reasons, len(view.nodes))
    best = min(fit, key=lambda node: (*_cost(pod, node, fit, view), node["metadata"]["name"]))
    return str(best["metadata"]["name"]), ""


def _cost(pod: Object, node: Object, fit: Sequence[Object], view: View) -> tuple[float, ...]:
    """Smaller is better, part by part."""
    use = view.ledger.use(node["metadata"]["name"])
    owner = controller_of(pod)
    siblings = use.by_owner[owner["uid"]] if owner is not None else 0
    tolerations = pod["spec"].get("tolerations") or ()
    avoided = untolerated(tolerations, taints_of(node, "PreferNoSchedule")) is not None
    return (
        float(avoided),
        float(-preference(pod["spec"], node)),
        float(_skew(pod, node, fit, view)),
        float(siblings),
        _fullness(node, view),
        float(use.pods),
    )


def _skew(pod: Object, node: Object, fit: Sequence[Object], view: View) -> int:
    """Matching pods that are already in the node's domain, for the constraints that are wishes."""
    total = 0
    for constraint in pod["spec"].get("topologySpreadConstraints") or ():
        topology = constraint["topologyKey"]
        domain = view.domain(node, topology)
        counts = view.ledger.matching(pod["metadata"]["namespace"], constraint.get("labelSelector") or {})
        domains = view.by_domain(counts, topology, fit)
        total += domains[domain] if domain is not None else max(domains.values(), default=0) + 1
    return total


def _fullness(node: Object, view: View) -> float:
    """The larger share of processor or memory that is taken, in tenths: small differences do not count."""
    have = (node.get("status") or {}).get("allocatable") or {}
    requested = view.ledger.use(node["metadata"]["name"]).requested
    shares = [
        float(requested.get(name, Decimal(0)) / amount(str(have[name])))
        for name in ("cpu", "memory")
        if name in have and amount(str(have[name]))
    ]
    return round(max(shares, default=0.0), 1)
