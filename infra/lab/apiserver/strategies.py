"""What happens to an object between the request and the store: defaults, generation, status, validation."""

from typing import TYPE_CHECKING, Any

from infra.lab.objects import crd, creation, statuses
from infra.lab.objects.defaults import default
from infra.lab.objects.resource import Resource
from infra.lab.objects.statuses import StatusError
from infra.lab.objects.validation import validate

if TYPE_CHECKING:
    from infra.lab.apiserver.server import ApiServer

Object = dict[str, Any]

NAME_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""Letters of generated names: nothing that could spell a word or be misread."""


class Strategies:
    """Prepares objects for storage, by what their resource says."""

    def __init__(self, server: "ApiServer") -> None:
        self._server = server

    def prepare_create(self, resource: Resource, document: Object) -> Object:
        """A new object, completed in place: a first status, generation 1, defaults."""
        suffix = "".join(self._server.random.choices(NAME_ALPHABET, k=5))
        creation.prepare_new(document, resource, random_suffix=suffix)
        _default(document, resource)
        return document

    def prepare_update(self, resource: Resource, subresource: str, old: Object, new: Object) -> Object:
        """A new state: status only through its subresource, and nothing else through that."""
        _default(new, resource)
        if subresource == "status":
            kept = {key: value for key, value in old.items() if key not in {"status", "metadata"}}
            status = {"status": new["status"]} if "status" in new else {}
            return {**kept, "metadata": new["metadata"], **status}
        if subresource == "finalize":
            finalizers = (new.get("spec") or {}).get("finalizers")
            spec = {"finalizers": finalizers} if finalizers else {}
            return {**old, "metadata": new["metadata"], "spec": spec}
        if resource.has_status:
            new = {key: value for key, value in new.items() if key != "status"}
            if "status" in old:
                new = {**new, "status": old["status"]}
        if (resource.group, resource.kind) == ("", "Namespace"):
            new = {**new, "spec": old["spec"]}
        if resource.generation and _changed(old, new, ignore_status=resource.has_status):
            metadata = {**new["metadata"], "generation": old["metadata"].get("generation", 0) + 1}
            new = {**new, "metadata": metadata}
        return new

    def check(
        self, resource: Resource, document: Object, old: Object | None, *, subresource: str = ""
    ) -> None:
        """Refuse what is not valid.

        Raises:
            StatusError: 422 with everything that is wrong.
        """
        causes = validate(document, old, resource, subresource=subresource)
        if causes:
            name = document["metadata"].get("name", "")
            # Events are one internal kind, which belongs to the core group.
            group = "" if resource.kind == "Event" else resource.group
            raise StatusError(statuses.invalid(name, resource.kind, group, causes))


def _default(document: Object, resource: Resource) -> None:
    if resource.custom:
        crd.default(document, resource)
    else:
        default(document, resource)


def _changed(old: Object, new: Object, *, ignore_status: bool) -> bool:
    skipped = {"metadata", "status"} if ignore_status else {"metadata"}
    return {k: v for k, v in old.items() if k not in skipped} != {
        k: v for k, v in new.items() if k not in skipped
    }
