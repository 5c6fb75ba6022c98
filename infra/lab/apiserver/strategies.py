"""What happens to an object between the request and the store: defaults, generation, status, validation."""

from typing import Any

from infra.lab.objects.resource import Resource

Object = dict[str, Any]


class Strategies:
    """Prepares objects for storage, by what their resource says."""

    def prepare_create(self, resource: Resource, document: Object) -> Object:
        """A new object: without a status of its own, with defaults and generation 1."""
        if resource.has_status and resource.kind != "CustomResourceDefinition":
            document = {key: value for key, value in document.items() if key != "status"}
        if resource.generation:
            document = {**document, "metadata": {**document["metadata"], "generation": 1}}
        if (resource.group, resource.kind) == ("", "Namespace"):
            document = {**document, "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}
        if (resource.group, resource.kind) == ("", "Pod"):
            document = {**document, "status": {"phase": "Pending"}}
        return document

    def prepare_update(self, resource: Resource, subresource: str, old: Object, new: Object) -> Object:
        """A new state: status only through its subresource, and nothing else through that."""
        if subresource == "status":
            kept = {key: value for key, value in old.items() if key not in {"status", "metadata"}}
            status = {"status": new["status"]} if "status" in new else {}
            return {**kept, "metadata": new["metadata"], **status}
        if resource.has_status:
            new = {key: value for key, value in new.items() if key != "status"}
            if "status" in old:
                new = {**new, "status": old["status"]}
        if resource.generation and _changed(old, new, ignore_status=resource.has_status):
            metadata = {**new["metadata"], "generation": old["metadata"].get("generation", 0) + 1}
            new = {**new, "metadata": metadata}
        return new

    def check(self, resource: Resource, document: Object, old: Object | None, *, subresource: str = "") -> None:
        """Refuse what is not valid."""


def _changed(old: Object, new: Object, *, ignore_status: bool) -> bool:
    skipped = {"metadata", "status"} if ignore_status else {"metadata"}
    return {k: v for k, v in old.items() if k not in skipped} != {k: v for k, v in new.items() if k not in skipped}
