"""ResourceQuota and LimitRange at admission."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from infra.lab.apiserver.request import Route
from infra.lab.objects import statuses
from infra.lab.objects.quantities import canonical, parse_quantity
from infra.lab.objects.statuses import StatusError

if TYPE_CHECKING:
    from infra.lab.apiserver.server import ApiServer

Object = dict[str, Any]

_COUNTED = frozenset(
    {
        "pods",
        "services",
        "secrets",
        "configmaps",
        "persistentvolumeclaims",
        "resourcequotas",
        "replicationcontrollers",
    }
)
_COMPUTE = ("cpu", "memory", "ephemeral-storage")


def usage_of(route: Route, document: Object) -> dict[str, Decimal]:
    """What an object counts for, by the names that quotas use."""
    resource = route.resource
    suffix = f".{resource.group}" if resource.group else ""
    used = {f"count/{resource.plural}{suffix}": Decimal(1)}
    if not resource.group and resource.plural in _COUNTED:
        used[resource.plural] = Decimal(1)
    if (resource.group, resource.plural) == ("", "pods"):
        used |= _compute(document)
    return used


def _compute(pod: Object) -> dict[str, Decimal]:
    used: dict[str, Decimal] = {}
    for container in pod["spec"].get("containers") or ():
        resources = container.get("resources") or {}
        for part in ("requests", "limits"):
            for name, quantity in (resources.get(part) or {}).items():
                key = f"{part}.{name}"
                used[key] = used.get(key, Decimal(0)) + parse_quantity(quantity)
    used |= {name: used[f"requests.{name}"] for name in _COMPUTE if f"requests.{name}" in used}
    return used


def charge(server: "ApiServer", route: Route, document: Object, *, dry_run: bool) -> None:
    """Count a new object against the quotas of its namespace.

    Raises:
        StatusError: 403, a quota is exhausted.
    """
    collection = server.store.collection("/resourcequotas")
    if route.namespace not in collection.spaces:
        return
    wanted = usage_of(route, document)
    charged = []
    for key, quota in collection.select(route.namespace):
        status = quota.get("status") or {}
        hard, used = status.get("hard") or {}, status.get("used") or {}
        counted = {name: amount for name, amount in wanted.items() if name in hard}
        if not counted:
            continue
        over = [
            name
            for name, amount in counted.items()
            if _amount(used, name) + amount > parse_quantity(hard[name])
        ]
        if over:
            _refuse(route, document, quota, sorted(over), counted)
        now = {name: canonical(str(_amount(used, name) + amount)) for name, amount in counted.items()}
        charged.append((key, {**quota, "status": {**status, "used": {**used, **now}}}))
    if not dry_run:
        for key, quota in charged:
            server.store.write(collection, key, quota)


def _amount(used: dict[str, str], name: str) -> Decimal:
    return Decimal(parse_quantity(used.get(name, "0")))


def _refuse(
    route: Route, document: Object, quota: Object, over: list[str], wanted: dict[str, Decimal]
) -> None:
    hard, used = quota["status"]["hard"], quota["status"].get("used") or {}
    requested = ",".join(f"{name}={canonical(str(wanted[name]))}" for name in over)
    spent = ",".join(f"{name}={used.get(name, '0')}" for name in over)
    limited = ",".join(f"{name}={hard[name]}" for name in over)
    name = quota["metadata"]["name"]
    why = f"exceeded quota: {name}, requested: {requested}, used: {spent}, limited: {limited}"
    resource = route.resource
    raise StatusError(
        statuses.forbidden(document["metadata"]["name"], resource.plural, resource.group, why=why)
    )


def apply_limits(server: "ApiServer", route: Route, pod: Object) -> Object:
    """A new pod with the defaults of its namespace's limit ranges.

    Raises:
        StatusError: 403, a container asks for more or less than a range allows.
    """
    ranges = [one for _, one in server.store.collection("/limitranges").select(route.namespace)]
    limits = [
        one for found in ranges for one in found["spec"].get("limits") or () if one.get("type") == "Container"
    ]
    if not limits:
        return pod
    containers, notes = [], []
    for container in pod["spec"].get("containers") or ():
        completed, added = _completed(container, limits)
        containers.append(completed)
        notes.extend(added)
    problems = [problem for one in containers for limit in limits for problem in _beyond(one, limit)]
    if problems:
        why = problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]"
        raise StatusError(statuses.forbidden(pod["metadata"]["name"], "pods", "", why=why))
    metadata = pod["metadata"]
    if notes:
        text = "LimitRanger plugin set: " + "; ".join(notes)
        annotations = {**(metadata.get("annotations") or {}), "kubernetes.io/limit-ranger": text}
        metadata = {**metadata, "annotations": annotations}
    return {**pod, "metadata": metadata, "spec": {**pod["spec"], "containers": containers}}


def _completed(container: Object, limits: list[Object]) -> tuple[Object, list[str]]:
    resources = container.get("resources") or {}
    parts = {part: dict(resources.get(part) or {}) for part in ("limits", "requests")}
    notes = []
    for key, part, word in (("defaultRequest", "requests", "request"), ("default", "limits", "limit")):
        names = sorted({name for one in limits for name in one.get(key) or {} if name not in parts[part]})
        for name in names:
            parts[part][name] = next(one[key][name] for one in limits if name in (one.get(key) or {}))
        if names:
            notes.append(f"{', '.join(names)} {word} for container {container['name']}")
    filled = {part: values for part, values in parts.items() if values}
    return {**container, "resources": {**resources, **filled}}, notes


def _beyond(container: Object, limit: Object) -> list[str]:
    resources = container.get("resources") or {}
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    problems = []
    for name, most in (limit.get("max") or {}).items():
        given = limits.get(name)
        if given is None:
            problems.append(f"maximum {name} usage per Container is {most}.  No limit is specified")
        elif parse_quantity(given) > parse_quantity(most):
            problems.append(f"maximum {name} usage per Container is {most}, but limit is {given}")
    for name, least in (limit.get("min") or {}).items():
        given = requests.get(name)
        if given is None:
            problems.append(f"minimum {name} usage per Container is {least}.  No request is specified")
        elif parse_quantity(given) < parse_quantity(least):
            problems.append(f"minimum {name} usage per Container is {least}, but request is {given}")
    return problems
