"""Who depends on whom: every object's owners, and every owner's dependents, by UID."""

from collections.abc import Iterator
from dataclasses import dataclass

from infra.lab.client import Object
from infra.lab.controllers.ownership import is_going
from infra.lab.objects.resource import Resource

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"


@dataclass(frozen=True, slots=True)
class Node:
    """An object of the graph."""

    resource: Resource
    item: Object

    @property
    def uid(self) -> str:
        """The object's UID."""
        return str(self.item["metadata"]["uid"])

    @property
    def owners(self) -> list[Object]:
        """References to its owners."""
        return list(self.item["metadata"].get("ownerReferences") or ())

    @property
    def finalizers(self) -> list[str]:
        """Its finalizers."""
        return list(self.item["metadata"].get("finalizers") or ())

    @property
    def waits_for_dependents(self) -> bool:
        """Whether its deletion waits until its dependents are gone."""
        return is_going(self.item) and FOREGROUND in self.finalizers

    @property
    def lets_dependents_go(self) -> bool:
        """Whether its deletion first takes it off its dependents' references."""
        return is_going(self.item) and ORPHAN in self.finalizers

    def blocks(self, owner_uid: str) -> bool:
        """Whether the owner's deletion in the foreground has to wait for this object."""
        return any(one["uid"] == owner_uid and one.get("blockOwnerDeletion") for one in self.owners)


class Graph:
    """The objects and their dependents."""

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}
        self._dependents: dict[str, dict[str, None]] = {}

    def __contains__(self, uid: str) -> bool:
        return uid in self._nodes

    def get(self, uid: str) -> Node | None:
        """The object of a UID."""
        return self._nodes.get(uid)

    def dependents(self, uid: str) -> Iterator[Node]:
        """Objects that name a UID among their owners."""
        for dependent in list(self._dependents.get(uid, ())):
            found = self._nodes.get(dependent)
            if found is not None:
                yield found

    def put(self, node: Node) -> None:
        """Add an object, or its new state."""
        before = self._nodes.get(node.uid)
        self._nodes[node.uid] = node
        if before is not None and before.owners == node.owners:
            return
        if before is not None:
            self._detach(before)
        for owner in node.owners:
            self._dependents.setdefault(owner["uid"], {})[node.uid] = None

    def drop(self, uid: str) -> None:
        """Remove an object; its dependents stay known."""
        node = self._nodes.pop(uid, None)
        if node is not None:
            self._detach(node)

    def _detach(self, node: Node) -> None:
        for owner in node.owners:
            dependents = self._dependents.get(owner["uid"], {})
            dependents.pop(node.uid, None)
            if not dependents:
                self._dependents.pop(owner["uid"], None)
