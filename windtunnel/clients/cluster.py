"""A Kubernetes cluster as the rest of windtunnel sees it: raw objects in and out, one method per verb."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from windtunnel.clients.connection import Connection, Request, Timeouts, open_connection
from windtunnel.clients.kinds import Resource, resource
from windtunnel.clients.watches import Watch
from windtunnel.clock import Clock
from windtunnel.model.errors import ClusterError
from windtunnel.model.policy import ClusterEntry

Object = dict[str, Any]
Objects = list[Object]
PAGE = 500
_EXPIRED = 410
_METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=1"
_METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=1"


@dataclass(frozen=True, slots=True)
class _Listed:
    """What to list, and how."""

    namespace: str = ""
    labels: str = ""
    fields: str = ""
    metadata_only: bool = False
    limit: int = PAGE


def connect(entry: ClusterEntry | None = None) -> "Cluster":
    """Return the cluster that *entry* names, or the one of the current kube context. Nothing is sent yet.

    Raises:
        UnreachableError: no kubeconfig, no such context, or credentials that cannot be read.
    """
    return Cluster(open_connection(entry))


class Cluster:
    """Everything windtunnel asks of a cluster. Every call has a timeout; only reads are ever tried again.

    *kind* is a name ("Pod", "deployments", "certificates.v1.cert-manager.io") or a `Resource`. All methods
    raise `ClusterError` or one of its kinds, which names the verb, the object and the server's words.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def name(self) -> str:
        """Return the name by which the policy knows this cluster; empty for the current context."""
        return self._connection.name

    @property
    def label(self) -> str:
        """Return how messages name this cluster."""
        return self._connection.label

    def within(self, timeouts: Timeouts) -> "Cluster":
        """Return the same cluster asked with other timeouts."""
        return Cluster(self._connection.within(timeouts))

    def get(self, kind: str | Resource, name: str, namespace: str = "", *, subresource: str = "") -> Object:
        """Return one object, or a subresource of it such as `scale`."""
        found = resource(kind)
        path = found.path(namespace=namespace, name=name, subresource=subresource)
        return self._object(Request("GET", path, _doing("reading", found, name, namespace)))

    def list(
        self,
        kind: str | Resource,
        namespace: str = "",
        *,
        labels: str = "",
        fields: str = "",
        metadata_only: bool = False,
        limit: int = PAGE,
    ) -> Iterator[Object]:
        """Yield the objects page by page. A list that expires on the way is read once more from its top."""
        found = resource(kind)
        listed = _Listed(namespace, labels, fields, metadata_only, limit)
        seen: set[str] = set()
        for again in (False, True):
            try:
                for page in self._pages(found, listed):
                    for item in page.get("items") or ():
                        uid = str(item["metadata"].get("uid") or item["metadata"]["name"])
                        if uid not in seen:
                            seen.add(uid)
                            yield item
            except ClusterError as error:
                if error.status != _EXPIRED or again:
                    raise
            else:
                return

    def first_page(
        self,
        kind: str | Resource,
        namespace: str = "",
        *,
        labels: str = "",
        fields: str = "",
        limit: int = PAGE,
    ) -> tuple[Objects, bool]:
        """Return the first *limit* objects, whole, and whether there are more."""
        listed = _Listed(namespace, labels, fields, limit=limit)
        page = next(self._pages(resource(kind), listed))
        return page.get("items") or [], bool((page.get("metadata") or {}).get("continue"))

    def create(self, kind: str | Resource, body: Mapping[str, Any], namespace: str = "") -> Object:
        """Create *body* and return what the server made of it."""
        found = resource(kind)
        name = str((body.get("metadata") or {}).get("name", ""))
        whole = {"apiVersion": found.api_version, "kind": found.kind, **body}
        doing = _doing("creating", found, name, namespace)
        return self._object(Request("POST", found.path(namespace=namespace), doing, body=whole))

    def replace(self, kind: str | Resource, body: Mapping[str, Any], namespace: str = "") -> Object:
        """Overwrite an object; with a resourceVersion in *body* only if it is still at that version."""
        found = resource(kind)
        name = str(body["metadata"]["name"])
        whole = {"apiVersion": found.api_version, "kind": found.kind, **body}
        path = found.path(namespace=namespace, name=name)
        return self._object(Request("PUT", path, _doing("replacing", found, name, namespace), body=whole))

    def patch_json(
        self,
        kind: str | Resource,
        name: str,
        namespace: str = "",
        *,
        operations: Sequence[Mapping[str, Any]],
        subresource: str = "",
    ) -> Object:
        """Apply a JSON Patch. A `test` that does not hold is a ConflictError, and nothing is changed."""
        return self._patch(kind, name, namespace, subresource, "json", list(operations))

    def patch_merge(
        self,
        kind: str | Resource,
        name: str,
        namespace: str = "",
        *,
        patch: Mapping[str, Any],
        subresource: str = "",
    ) -> Object:
        """Apply a merge patch; with a resourceVersion in it only if the object is still at that version."""
        return self._patch(kind, name, namespace, subresource, "merge", dict(patch))

    def delete(
        self,
        kind: str | Resource,
        name: str,
        namespace: str = "",
        *,
        uid: str = "",
        resource_version: str = "",
        grace_s: int | None = None,
    ) -> Object:
        """Delete an object, if it still has *uid* and *resource_version* where these are given."""
        found = resource(kind)
        path = found.path(namespace=namespace, name=name)
        body = {"apiVersion": "v1", "kind": "DeleteOptions", **_options(uid, resource_version, grace_s)}
        return self._object(Request("DELETE", path, _doing("deleting", found, name, namespace), body=body))

    def evict(self, name: str, namespace: str, *, uid: str = "", grace_s: int | None = None) -> Object:
        """Ask for a pod to be evicted; a disruption budget's no is a RefusedError with status 429."""
        pods = resource("Pod")
        body = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": name, "namespace": namespace},
            "deleteOptions": _options(uid, "", grace_s),
        }
        path = pods.path(namespace=namespace, name=name, subresource="eviction")
        return self._object(Request("POST", path, _doing("evicting", pods, name, namespace), body=body))

    def watch(
        self,
        kind: str | Resource,
        namespace: str = "",
        *,
        labels: str = "",
        fields: str = "",
        stop: threading.Event,
        metadata_only: bool = False,
    ) -> Iterator[tuple[str, Object]]:
        """Yield (type, object): first what is there as ADDED, then every change, until *stop* is set.

        Survives expired versions, server restarts and disconnects; what changed unseen shows up as the
        difference. Only the first list and refusals (401, 403, 404) raise.
        """
        found = resource(kind)
        accept = _METADATA if metadata_only else "application/json"
        query = _selectors(labels, fields)
        request = Request("GET", found.path(namespace=namespace), _doing("watching", found, "", namespace))
        watch = Watch(self._connection, replace(request, query=query, accept=accept), stop)
        listed = _Listed(namespace, labels, fields, metadata_only)
        return watch.events(lambda: self._pages(found, listed))

    def can_i(
        self, verb: str, kind: str | Resource, namespace: str = "", *, subresource: str = ""
    ) -> tuple[bool, str]:
        """Ask whether this account may do something, and the server's reason if it gave one."""
        found = resource(kind)
        attributes = {"verb": verb, "group": found.group, "resource": found.plural, "namespace": namespace}
        body = {"spec": {"resourceAttributes": {**attributes, "subresource": subresource}}}
        status = self.create("SelfSubjectAccessReview", body).get("status") or {}
        return bool(status.get("allowed")), str(status.get("reason") or "")

    def version(self) -> str:
        """Return the server's version, as in v1.36.2. The cheapest way to see that it answers."""
        answer = self._object(Request("GET", "/version", "asking for the version"))
        return str(answer.get("gitVersion", "unknown"))

    def clock_skew_s(self, clock: Clock) -> float:
        """Return by how many seconds *clock* is ahead of the server's, at the least; negative: behind.

        Told from the Date header, which counts whole seconds, and from the time the answer took: what these
        leave open is taken as agreement.
        """
        return self._connection.clock_skew_s(clock)

    def _pages(self, found: Resource, listed: "_Listed") -> Iterator[Object]:
        doing = _doing("listing", found, "", listed.namespace)
        accept = _METADATA_LIST if listed.metadata_only else "application/json"
        request = Request("GET", found.path(namespace=listed.namespace), doing, accept=accept)
        query = {"limit": str(listed.limit), **_selectors(listed.labels, listed.fields)}
        token = ""
        while True:
            page = self._object(replace(request, query=query | ({"continue": token} if token else {})))
            yield page
            token = (page.get("metadata") or {}).get("continue") or ""
            if not token:
                return

    def _patch(  # noqa: PLR0917 - private, two callers above
        self, kind: str | Resource, name: str, namespace: str, subresource: str, style: str, body: Any
    ) -> Object:
        found = resource(kind)
        path = found.path(namespace=namespace, name=name, subresource=subresource)
        doing = _doing("changing", found, name, namespace)
        content = f"application/{style}-patch+json"
        return self._object(Request("PATCH", path, doing, body=body, content_type=content))

    def _object(self, request: Request) -> Object:
        answer = self._connection.ask(request)
        if not isinstance(answer, dict):
            msg = f"{request.doing} on {self.label}: the answer is no object; is that a Kubernetes API?"
            raise ClusterError(msg)
        return answer


def _doing(verb: str, found: Resource, name: str, namespace: str) -> str:
    what = f"{found.kind.lower()}/{name}" if name else found.plural
    return f"{verb} {what}" + (f" in {namespace}" if namespace else "")


def _selectors(labels: str, fields: str) -> dict[str, str]:
    return {key: text for key, text in (("labelSelector", labels), ("fieldSelector", fields)) if text}


def _options(uid: str, resource_version: str, grace_s: int | None) -> Object:
    preconditions = {key: v for key, v in (("uid", uid), ("resourceVersion", resource_version)) if v}
    options: Object = {"preconditions": preconditions} if preconditions else {}
    if grace_s is not None:
        options["gracePeriodSeconds"] = grace_s
    return options
