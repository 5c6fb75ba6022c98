"""DELETE: at once, with grace, or held by finalizers; one object or a collection."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra.lab.apiserver import clock, presentation
from infra.lab.apiserver.listing import get_object
from infra.lab.apiserver.reading import read_options
from infra.lab.apiserver.request import Answer, Request, Route
from infra.lab.apiserver.selection import Selection
from infra.lab.objects import statuses
from infra.lab.objects.resource import Resource
from infra.lab.objects.statuses import Cause, StatusError

if TYPE_CHECKING:
    from infra.lab.apiserver.server import ApiServer

Object = dict[str, Any]

_ORPHANS = (
    "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove "
    "them or set propagationPolicy=Orphan to suppress this warning"
)
DEFINITION_FINALIZER = "customresourcecleanup.apiextensions.k8s.io"
"""Holds a definition until its objects are gone."""
_POLICIES = ("Foreground", "Background", "Orphan")
_FINALIZER_OF = {"Foreground": "foregroundDeletion", "Orphan": "orphan"}


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """What a delete asks for; grace None means the object's own."""

    grace_s: int | None = None
    policy: str = ""
    uid: str = ""
    version: str = ""
    dry_run: bool = False

    @classmethod
    def of(cls, request: Request) -> "DeleteOptions":
        """Read the body, or the query where there is none."""
        body = read_options(request)
        if body.get("kind", "DeleteOptions") != "DeleteOptions":
            raise StatusError(statuses.bad_request(_unregistered(body)))
        return cls.read(body, request.query)

    @classmethod
    def read(cls, given: Object, query: Mapping[str, str]) -> "DeleteOptions":
        """Read a DeleteOptions object; the query counts where it is silent."""
        grace = given.get("gracePeriodSeconds", query.get("gracePeriodSeconds"))
        policy = given.get("propagationPolicy", query.get("propagationPolicy", "")) or ""
        orphan = given.get("orphanDependents", query.get("orphanDependents"))
        _check_policy(policy, orphan)
        if orphan is not None:
            policy = "Orphan" if orphan in (True, "true") else "Background"
        preconditions = given.get("preconditions") or {}
        dry_run = given.get("dryRun") or ([query["dryRun"]] if query.get("dryRun") else [])
        return cls(
            None if grace is None else int(grace),
            policy,
            preconditions.get("uid", ""),
            preconditions.get("resourceVersion", ""),
            bool(dry_run),
        )


def _unregistered(body: Object) -> str:
    where = "pkg/apis/meta/internalversion/scheme/register.go:27"
    kind, version = body.get("kind"), body.get("apiVersion")
    return f'no kind "{kind}" is registered for version "{version}" in scheme "{where}"'


def _check_policy(policy: str, orphan: object) -> None:
    if policy and policy not in _POLICIES:
        supported = ", ".join(f'"{one}"' for one in (*_POLICIES, "nil"))
        words = f'Unsupported value: "{policy}": supported values: {supported}'
        cause = Cause("FieldValueNotSupported", words, "propagationPolicy")
        raise StatusError(statuses.invalid_options("DeleteOptions", [cause]))
    if policy and orphan is not None:
        words = f'Invalid value: "{policy}": orphanDependents and deletionPropagation cannot be both set'
        cause = Cause("FieldValueInvalid", words, "propagationPolicy")
        raise StatusError(statuses.invalid_options("DeleteOptions", [cause]))


def delete(server: "ApiServer", request: Request, route: Route) -> Answer:
    """DELETE of one object."""
    options = DeleteOptions.of(request)
    server.admission.admit_delete(route)
    existing = get_object(server, route)
    check_preconditions(route, existing, options)
    shown, gone = server.deletion.delete(route, existing, options)
    resource = route.resource
    if resource.orphans and not options.policy:
        request.warnings.append(_ORPHANS)
    if gone and resource.delete_answers == "status":
        metadata = shown["metadata"]
        body = statuses.deleted(metadata["name"], resource.plural, resource.group, metadata["uid"])
        return Answer(200, body)
    return Answer(200, presentation.shown(resource, shown), resource=resource)


def delete_collection(server: "ApiServer", request: Request, route: Route) -> Answer:
    """DELETE of a collection: everything that the selectors match, one by one."""
    options = DeleteOptions.of(request)
    selection = Selection.of(route.resource, request.query)
    deleted = []
    for (space, name), item in server.store.collection(route.collection).select(route.namespace):
        if selection.matches(item):
            single = Route("delete", route.resource, space or None, name)
            deleted.append(server.deletion.delete(single, item, options)[0])
    metadata = {"resourceVersion": str(server.store.version)}
    return Answer(200, presentation.as_list(route.resource, deleted, metadata), resource=route.resource)


def check_preconditions(route: Route, existing: Object, options: DeleteOptions) -> None:
    """Refuse a delete that was meant for another object or version."""
    metadata, resource = existing["metadata"], route.resource
    why = ""
    if options.uid and options.uid != metadata["uid"]:
        why = (
            f"the UID in the precondition ({options.uid}) does not match the UID in record "
            f"({metadata['uid']}). "
            "The object might have been deleted and then recreated"
        )
    elif options.version and options.version != metadata["resourceVersion"]:
        why = (
            f"the ResourceVersion in the precondition ({options.version}) does not match the "
            f"ResourceVersion in record ({metadata['resourceVersion']}). The object might have been modified"
        )
    if why:
        raise StatusError(statuses.conflict(metadata["name"], resource.kind, resource.group, why=why))


class Deletion:
    """Removes objects, or marks them for those who still have something to do first."""

    def __init__(self, server: "ApiServer") -> None:
        self._server = server

    def delete(self, route: Route, existing: Object, options: DeleteOptions) -> tuple[Object, bool]:
        """Delete an object; the answer is its last state, and whether it is gone."""
        marked = self._marked(route.resource, existing, options)
        collection = self._server.store.collection(route.collection)
        key = (route.namespace or "", existing["metadata"]["name"])
        if self.is_over(route.resource, marked):
            if options.dry_run:
                return marked, True
            if route.resource.graceful and marked != existing:
                # Watchers of pods see the grace go down to zero before the pod is gone.
                self._server.store.write(collection, key, marked)
            final = self._server.store.remove(collection, key, marked)
            return self._server.removed(route, final), True
        if options.dry_run or marked == existing:
            return marked, False
        stored = self._server.store.write(collection, key, marked)
        return self._server.stored(route, stored), False

    def is_over(self, resource: Resource, document: Object) -> bool:
        """Whether nothing holds a deleted object any longer."""
        metadata = document["metadata"]
        if "deletionTimestamp" not in metadata or metadata.get("finalizers"):
            return False
        if resource.plural == "namespaces" and resource.group == "":
            return not document.get("spec", {}).get("finalizers")
        return not metadata.get("deletionGracePeriodSeconds")

    def _marked(self, resource: Resource, existing: Object, options: DeleteOptions) -> Object:
        """The object with its deletion written into its metadata."""
        metadata = dict(existing["metadata"])
        grace = _grace(resource, existing, options)
        if "deletionTimestamp" not in metadata:
            metadata["deletionTimestamp"] = clock.timestamp_in(grace)
            metadata["deletionGracePeriodSeconds"] = grace
            if resource.generation and "generation" in metadata:
                metadata["generation"] += 1
            metadata = _with_policy(resource, metadata, options.policy)
            if resource.kind == "CustomResourceDefinition":
                metadata["finalizers"] = [*metadata.get("finalizers", []), DEFINITION_FINALIZER]
        elif resource.graceful and grace < metadata.get("deletionGracePeriodSeconds", 0):
            metadata["deletionGracePeriodSeconds"] = grace
            metadata["deletionTimestamp"] = clock.timestamp_in(grace)
        marked = {**existing, "metadata": metadata}
        if resource.plural == "namespaces" and resource.group == "":
            metadata.pop("deletionGracePeriodSeconds", None)
            marked["status"] = {**existing.get("status", {}), "phase": "Terminating"}
        return marked


def _grace(resource: Resource, existing: Object, options: DeleteOptions) -> int:
    """Seconds between the deletion and the end: only pods that run somewhere get any."""
    if not resource.graceful:
        return 0
    spec, phase = existing.get("spec", {}), existing.get("status", {}).get("phase")
    if not spec.get("nodeName") or phase in {"Succeeded", "Failed"}:
        return 0
    grace = options.grace_s if options.grace_s is not None else spec.get("terminationGracePeriodSeconds", 30)
    return 1 if grace < 0 else int(grace)


def _with_policy(resource: Resource, metadata: Object, policy: str) -> Object:
    """The metadata with the finalizer that a propagation policy asks for."""
    finalizers = [one for one in metadata.get("finalizers", []) if one not in _FINALIZER_OF.values()]
    wanted = policy or ("Orphan" if resource.orphans else "")
    if wanted in _FINALIZER_OF:
        finalizers.append(_FINALIZER_OF[wanted])
    elif not policy:
        finalizers = metadata.get("finalizers", [])
    if finalizers:
        return {**metadata, "finalizers": finalizers}
    return {key: value for key, value in metadata.items() if key != "finalizers"}
