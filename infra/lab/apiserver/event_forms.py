"""The two APIs of events: stored once, in the form of the core API, and shown in either."""

from infra.lab.objects.resource import Resource
from infra.lab.objects.statuses import Json

# events.k8s.io/v1 -> v1
_NAMES = {
    "regarding": "involvedObject",
    "note": "message",
    "reportingController": "reportingComponent",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
}
_BACK = {old: new for new, old in _NAMES.items()}
_EMPTY_IS_ABSENT = ("reportingController", "reportingInstance")  # in events.k8s.io; the core API writes them


def is_new_api(resource: Resource) -> bool:
    """Whether the resource is the events of events.k8s.io."""
    return (resource.group, resource.plural) == ("events.k8s.io", "events")


def to_core(event: Json) -> Json:
    """An event of events.k8s.io/v1 in the form of v1; the rest of the document stays as it is."""
    renamed = {_NAMES.get(key, key): value for key, value in event.items()}
    return {**renamed, "apiVersion": "v1"} if "apiVersion" in event else renamed


def to_new(event: Json) -> Json:
    """An event of v1 in the form of events.k8s.io/v1."""
    renamed = {_BACK.get(key, key): value for key, value in event.items()}
    kept = {key: value for key, value in renamed.items() if value != "" or key not in _EMPTY_IS_ABSENT}
    return {**kept, "apiVersion": "events.k8s.io/v1"} if "apiVersion" in event else kept
