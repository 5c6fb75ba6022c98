"""What is taken on each node, kept current pod by pod: a decision costs the same with 5,000 pods."""

import json
from collections import Counter
from decimal import Decimal
from typing import TypeVar

from infra.lab.client import Object
from infra.lab.controllers import pods
from infra.lab.controllers.ownership import controller_of, is_going
from infra.lab.controllers.pod_resources import requests_of
from infra.lab.objects.selectors import match_label_selector

HostPort = tuple[str, int]
T = TypeVar("T")


class NodeUse:
    """What the pods of one node take."""

    def __init__(self) -> None:
        self.requested: dict[str, Decimal] = {}
        self.pods = 0
        self.by_owner: Counter[str] = Counter()
        self.ports: Counter[HostPort] = Counter()

    def add(self, pod: Object, sign: int) -> None:
        """Count a pod in (1) or out (-1)."""
        self.pods += sign
        for name, value in requests_of(pod).items():
            self.requested[name] = self.requested.get(name, Decimal(0)) + sign * value
        owner = controller_of(pod)
        if owner is not None:
            _add(self.by_owner, owner["uid"], sign)
        for port in host_ports(pod):
            _add(self.ports, port, sign)


def _add(counter: Counter[T], key: T, sign: int) -> None:
    counter[key] += sign
    if not counter[key]:
        del counter[key]


def host_ports(pod: Object) -> list[HostPort]:
    """Ports a pod takes from its node."""
    containers = pod["spec"].get("containers") or ()
    ports = [port for one in containers for port in one.get("ports") or () if port.get("hostPort")]
    return [(port.get("protocol", "TCP"), int(port["hostPort"])) for port in ports]


class Ledger:
    """Use of all nodes, and counts of pods by selector as constraints ask for them."""

    def __init__(self) -> None:
        self._nodes: dict[str, NodeUse] = {}
        self._placed: dict[str, tuple[str, Object]] = {}
        self._counters: dict[tuple[str, str], tuple[Object, Counter[str]]] = {}
        self._by_namespace: dict[str, list[tuple[str, str]]] = {}

    def use(self, node: str) -> NodeUse:
        """What is taken on a node."""
        return self._nodes.get(node) or NodeUse()

    def follow(self, old: Object | None, new: Object | None) -> None:
        """Take note of a pod's change."""
        if new is not None and not new["spec"].get("nodeName") and new["metadata"]["uid"] in self._placed:
            return  # its binding is under way
        if old is not None:
            self.forget(old)
        if new is not None and new["spec"].get("nodeName") and not pods.is_finished(new):
            self.place(new, new["spec"]["nodeName"])

    def place(self, pod: Object, node: str) -> None:
        """Count a pod on a node, also one whose binding is only just being written."""
        self.forget(pod)
        self._placed[pod["metadata"]["uid"]] = (node, pod)
        self._nodes.setdefault(node, NodeUse()).add(pod, 1)
        for selector, counts in self._counters_for(pod):
            if _matches(selector, pod):
                _add(counts, node, 1)

    def forget(self, pod: Object) -> None:
        """Count a pod no longer."""
        node, placed = self._placed.pop(pod["metadata"]["uid"], ("", None))
        if placed is None:
            return
        use = self._nodes[node]
        use.add(placed, -1)
        if not use.pods:
            del self._nodes[node]
        for selector, counts in self._counters_for(placed):
            if _matches(selector, placed):
                _add(counts, node, -1)

    def matching(self, namespace: str, selector: Object) -> Counter[str]:
        """Pods that a selector matches, by node; counted once, then kept."""
        key = (namespace, json.dumps(selector, sort_keys=True))
        if key not in self._counters:
            counts: Counter[str] = Counter()
            for node, pod in self._placed.values():
                if pod["metadata"]["namespace"] == namespace and _matches(selector, pod):
                    counts[node] += 1
            self._counters[key] = (selector, counts)
            self._by_namespace.setdefault(namespace, []).append(key)
        return self._counters[key][1]

    def placed_on(self, node: str) -> list[Object]:
        """The pods counted on a node."""
        return [pod for where, pod in self._placed.values() if where == node]

    def _counters_for(self, pod: Object) -> list[tuple[Object, Counter[str]]]:
        return [self._counters[key] for key in self._by_namespace.get(pod["metadata"]["namespace"], ())]


def _matches(selector: Object, pod: Object) -> bool:
    return not is_going(pod) and match_label_selector(selector, pod["metadata"].get("labels"))
