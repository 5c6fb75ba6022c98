"""What a request is inside the server, and what it is answered with."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.lab.objects.resource import Resource

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class User:
    """Who asks. Groups decide what is allowed; ``system:masters`` may do everything."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


ADMIN = User("kubernetes-admin", ("system:masters", "system:authenticated"))
ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))


@dataclass(frozen=True, slots=True)
class Form:
    """How an answer is shown: as it is, as YAML, or as one of the meta.k8s.io kinds (Table, ...)."""

    kind: str = ""
    yaml: bool = False


@dataclass(slots=True)
class Request:
    """One request, from a socket or from inside the process.

    Attributes:
        document: the body as JSON values where the caller is in this process; ``raw`` is empty then.
        warnings: texts for Warning headers, gathered on the way.
        form: how the answer is to be shown, once the Accept header was read.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    user: User
    raw: bytes = b""
    document: Any = None
    warnings: list[str] = field(default_factory=list)
    form: Form = Form()

    @property
    def content_type(self) -> str:
        """The body's media type without parameters."""
        return self.headers.get("content-type", "application/json").partition(";")[0].strip()

    @property
    def accept(self) -> str:
        """The Accept header; whatever we like where there is none."""
        return self.headers.get("accept", "") or "*/*"

    @property
    def has_body(self) -> bool:
        """Whether the caller sent anything."""
        return bool(self.raw) or self.document is not None

    @property
    def manager(self) -> str:
        """The field manager: the query's, else the first word of the user agent."""
        return self.query.get("fieldManager") or self.headers.get("user-agent", "unknown").partition("/")[0]


@dataclass(frozen=True, slots=True)
class Route:
    """A request's path understood: which verb on which resource, namespace and name."""

    verb: str
    resource: Resource
    namespace: str | None
    name: str | None
    subresource: str = ""
    rest: str = ""
    """What follows the subresource, as in ``proxy/PATH``."""

    @property
    def collection(self) -> str:
        """Name of the collection the resource is stored in."""
        return collection_name(self.resource)


def collection_name(resource: Resource) -> str:
    """Where a resource is stored; both APIs of events share one collection."""
    group = "" if (resource.group, resource.plural) == ("events.k8s.io", "events") else resource.group
    return f"{group}/{resource.plural}"


@dataclass(slots=True)
class Answer:
    """A finished answer: an object, a text, or bytes sent as they are."""

    status: int
    body: Object | str | bytes | None
    headers: dict[str, str] = field(default_factory=dict)
    resource: Resource | None = None
    """The resource of the object or list in the body; it may then be shown as a table or as metadata only."""


@dataclass(slots=True)
class Stream:
    """An answer that goes on: watch events as (type, object), or chunks of text."""

    events: AsyncIterator[tuple[str, Object]] | None = None
    chunks: AsyncIterator[bytes] | None = None
    resource: Resource | None = None
    headers: dict[str, str] = field(default_factory=dict)
