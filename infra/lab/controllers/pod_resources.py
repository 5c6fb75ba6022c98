"""What a pod asks for and what it may use at most, summed over its containers."""

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache

from infra.lab.client import Object
from infra.lab.objects.quantities import parse_quantity


@lru_cache(maxsize=4096)
def amount(text: str) -> Decimal:
    """A quantity's value; each text is parsed once."""
    return parse_quantity(text)


def requests_of(pod: Object) -> Mapping[str, Decimal]:
    """What has to be free on a node for the pod."""
    return _total(pod, "requests")


def limits_of(pod: Object) -> Mapping[str, Decimal]:
    """What the pod may use."""
    return _total(pod, "limits")


def _total(pod: Object, field: str) -> Mapping[str, Decimal]:
    """Containers run side by side and add up; init containers run before them, one at a time."""
    spec = pod["spec"]
    total: dict[str, Decimal] = {}
    for container in spec.get("containers") or ():
        for name, text in _asked(container, field).items():
            total[name] = total.get(name, Decimal(0)) + amount(str(text))
    for container in spec.get("initContainers") or ():
        beside = container.get("restartPolicy") == "Always"
        for name, text in _asked(container, field).items():
            value, before = amount(str(text)), total.get(name, Decimal(0))
            total[name] = before + value if beside else max(before, value)
    for name, text in (spec.get("overhead") or {}).items():
        total[name] = total.get(name, Decimal(0)) + amount(str(text))
    return total


def _asked(container: Object, field: str) -> Mapping[str, str]:
    return (container.get("resources") or {}).get(field) or {}
