"""Creating and replacing objects: metadata, defaults, admission, validation, versions."""

import uuid
from typing import TYPE_CHECKING, Any

from infra.lab.apiserver import clock, managers, presentation
from infra.lab.apiserver.listing import get_object
from infra.lab.apiserver.options import WriteOptions
from infra.lab.apiserver.reading import read_object
from infra.lab.apiserver.request import Answer, Request, Route
from infra.lab.apiserver.strategies import NAME_ALPHABET
from infra.lab.objects import statuses
from infra.lab.objects.statuses import Cause, StatusError

if TYPE_CHECKING:
    from infra.lab.apiserver.server import ApiServer

Object = dict[str, Any]


def create(server: "ApiServer", request: Request, route: Route) -> Answer:
    """POST to a collection."""
    options = WriteOptions.of(request.query, "CreateOptions")
    document = read_object(server, request, route.resource, options)
    stored = create_object(server, request, route, document, dry_run=options.dry_run)
    return Answer(201, presentation.shown(route.resource, stored), resource=route.resource)


def create_object(
    server: "ApiServer",
    request: Request,
    route: Route,
    document: Object,
    *,
    dry_run: bool = False,
    managed: list[Object] | None = None,
) -> Object:
    """Admit, complete, check and store a new object; the answer is the stored document.

    `managed` are the managedFields of an apply; other writes are tracked by what they change.
    """
    resource = route.resource
    metadata = _new_metadata(server, route, document.get("metadata") or {})
    document = {**document, "metadata": metadata}
    document = server.admission.admit_create(route, document)
    document = server.strategies.prepare_create(resource, document)
    server.strategies.check(resource, document, None)
    key = (route.namespace or "", metadata["name"])
    collection = server.store.collection(route.collection)
    existing = collection.get(key)
    if existing is not None:
        terminating = "deletionTimestamp" in existing["metadata"]
        raise StatusError(
            statuses.already_exists(key[1], resource.plural, resource.group, terminating=terminating)
        )
    server.admission.charge(route, document, dry_run=dry_run)
    fields = managers.with_fields(document, managed) if managed is not None else None
    document = fields or managers.tracked(request, route, None, document)
    if dry_run:
        return document
    return server.stored(route, server.store.write(collection, key, document))


def _new_metadata(server: "ApiServer", route: Route, given: Object) -> Object:
    """The metadata of an object that is about to be created."""
    if given.get("resourceVersion"):
        raise StatusError(statuses.unexplained("resourceVersion should not be set on objects to be created"))
    metadata = {key: value for key, value in given.items() if key not in _SERVER_SET}
    if route.namespace is not None:
        if metadata.get("namespace", route.namespace) != route.namespace:
            message = "the namespace of the provided object does not match the namespace sent on the request"
            raise StatusError(statuses.bad_request(message))
        metadata["namespace"] = route.namespace
    else:
        metadata.pop("namespace", None)
    if not metadata.get("name") and metadata.get("generateName"):
        suffix = "".join(server.random.choices(NAME_ALPHABET, k=5))
        metadata["name"] = f"{metadata['generateName'][:58]}{suffix}"
    metadata["uid"] = str(uuid.uuid4())
    metadata["creationTimestamp"] = clock.timestamp()
    return metadata


_SERVER_SET = frozenset(
    {
        "resourceVersion",
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "selfLink",
        "managedFields",
    }
)


def update(server: "ApiServer", request: Request, route: Route) -> Answer:
    """PUT of one object or of one of its subresources."""
    options = WriteOptions.of(request.query, "UpdateOptions")
    document = read_object(server, request, route.resource, options)
    require_name(document, route)
    _require_version(route, document)
    stored = replace(server, request, route, get_object(server, route), document, dry_run=options.dry_run)
    return Answer(200, presentation.shown(route.resource, stored), resource=route.resource)


def _require_version(route: Route, document: Object) -> None:
    """Custom objects are never overwritten blindly."""
    resource = route.resource
    if resource.custom and not document["metadata"].get("resourceVersion"):
        cause = Cause(
            "FieldValueInvalid",
            "Invalid value: 0: must be specified for an update",
            "metadata.resourceVersion",
        )
        raise StatusError(statuses.invalid(route.name or "", resource.plural, resource.group, [cause]))


def require_name(document: Object, route: Route) -> None:
    """Refuse a document that names another object than the URL does."""
    metadata = document.get("metadata") or {}
    name, namespace = metadata.get("name", ""), metadata.get("namespace")
    if name != route.name:
        message = f"the name of the object ({name}) does not match the name on the URL ({route.name})"
        raise StatusError(statuses.bad_request(message))
    if namespace and namespace != (route.namespace or namespace):
        message = "the namespace of the provided object does not match the namespace sent on the request"
        raise StatusError(statuses.bad_request(message))


def replace(
    server: "ApiServer",
    request: Request,
    route: Route,
    old: Object,
    new: Object,
    *,
    dry_run: bool = False,
    managed: list[Object] | None = None,
) -> Object:
    """Store a new state of an object, or nothing where nothing changed.

    The answer is the stored document; the old one, with its version, where the write changed nothing.
    """
    resource = route.resource
    new = {**new, "metadata": _kept_metadata(route, old, new.get("metadata") or {})}
    new = server.admission.admit_update(route, old, new)
    new = server.strategies.prepare_update(resource, route.subresource, old, new)
    server.strategies.check(resource, new, old, subresource=route.subresource)
    if _same(old, new) and (managed is None or managed == old["metadata"].get("managedFields")):
        return old
    new = (
        managers.with_fields(new, managed)
        if managed is not None
        else managers.tracked(request, route, old, new)
    )
    if dry_run:
        return new
    key = (route.namespace or "", route.name or "")
    collection = server.store.collection(route.collection)
    if server.deletion.is_over(resource, new):
        final = server.store.remove(collection, key, new)
        return server.removed(route, final)
    return server.stored(route, server.store.write(collection, key, new))


_KEPT = (
    *("namespace", "uid", "resourceVersion", "creationTimestamp", "generation"),
    *("deletionTimestamp", "deletionGracePeriodSeconds"),
)
"""Metadata that an update cannot change."""


def _kept_metadata(route: Route, old: Object, given: Object) -> Object:
    """The metadata of an update: what a client may change, over what it may not."""
    was = old["metadata"]
    _require_current(route, was, given)
    if given.get("uid"):
        was = {**was, "uid": given["uid"]}  # another one is refused by validation
    metadata = {key: value for key, value in given.items() if key not in _KEPT and key != "managedFields"}
    metadata.setdefault("name", was["name"])
    if "generateName" in was:
        metadata["generateName"] = was["generateName"]
    metadata |= {key: was[key] for key in _KEPT if key in was}
    return {key: value for key, value in metadata.items() if value not in (None, {}, [])}


def _require_current(route: Route, was: Object, given: Object) -> None:
    """Refuse an update that was made for another version, or another object of the same name."""
    resource, version = route.resource, given.get("resourceVersion")
    if version and not str(version).isdigit():
        raise StatusError(statuses.unexplained(f'strconv.ParseUint: parsing "{version}": invalid syntax'))
    why = ""
    if route.verb == "update" and given.get("uid") and given["uid"] != was["uid"]:
        place = "/".join(filter(None, (resource.plural, was.get("namespace"), was["name"])))
        why = (
            f"StorageError: invalid object, Code: 4, Key: /registry/{place}, ResourceVersion: 0, "
            "AdditionalErrorMsg: Precondition failed: "
            f"UID in precondition: {given['uid']}, UID in object meta: {was['uid']}"
        )
    if why or (version and version != was["resourceVersion"]):
        raise StatusError(statuses.conflict(was["name"], resource.plural, resource.group, why=why))


def _same(old: Object, new: Object) -> bool:
    """Whether a write would change nothing but its own bookkeeping."""
    if len(old) != len(new) or any(old.get(key) != value for key, value in new.items() if key != "metadata"):
        return False
    ignored = {"resourceVersion", "managedFields"}
    return {k: v for k, v in old["metadata"].items() if k not in ignored} == {
        k: v for k, v in new["metadata"].items() if k not in ignored
    }
