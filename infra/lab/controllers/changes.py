"""What a decision asks for: values that say what to write, for the cluster to carry out."""

from dataclasses import dataclass

from infra.lab.client import Object
from infra.lab.objects.resource import Resource


@dataclass(frozen=True, slots=True)
class Note:
    """The event that tells of a change on the object it is about.

    `message` and `failed_message` may hold ``{name}`` (of what was written) and ``{error}``.
    """

    about: Object
    component: str
    reason: str
    message: str
    failed_reason: str = ""
    failed_message: str = ""


@dataclass(frozen=True, slots=True)
class Create:
    """Create an object."""

    resource: Resource
    namespace: str
    body: Object
    note: Note | None = None


@dataclass(frozen=True, slots=True)
class Remove:
    """Delete an object, if it is still the same."""

    resource: Resource
    target: Object
    policy: str = ""
    grace_s: int | None = None
    note: Note | None = None


@dataclass(frozen=True, slots=True)
class Patch:
    """Patch an object, or one of its subresources."""

    resource: Resource
    target: Object
    body: Object
    subresource: str = ""
    note: Note | None = None


@dataclass(frozen=True, slots=True)
class SetStatus:
    """Replace an object's status."""

    resource: Resource
    target: Object
    status: Object


@dataclass(frozen=True, slots=True)
class Replace:
    """Replace an object, if nobody else changed it meanwhile."""

    resource: Resource
    target: Object
    body: Object


Change = Create | Remove | Patch | SetStatus | Replace
