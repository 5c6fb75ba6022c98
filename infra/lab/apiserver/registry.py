"""Which resources the server knows right now: the built-in ones and those of custom resource definitions."""

from collections.abc import Iterator

from infra.lab.objects.resource import Resource, custom_resources
from infra.lab.objects.resources import RESOURCES
from infra.lab.objects.statuses import Json


class Registry:
    """Resources by group, version and plural."""

    def __init__(self) -> None:
        self._builtin = {(one.group, one.version, one.plural): one for one in RESOURCES}
        self._custom: dict[str, tuple[Resource, ...]] = {}
        self._known = dict(self._builtin)

    def __iter__(self) -> Iterator[Resource]:
        return iter(self._known.values())

    def lookup(self, group: str, version: str, plural: str) -> Resource | None:
        """The resource at a path, if there is one."""
        return self._known.get((group, version, plural))

    def by_kind(self, group: str, kind: str) -> Resource | None:
        """A resource of a group by its kind."""
        return next((one for one in self._known.values() if (one.group, one.kind) == (group, kind)), None)

    def has_group(self, group: str) -> bool:
        """Whether anything is served in a group."""
        return any(one.group == group for one in self._known.values())

    def define(self, definition: Json) -> None:
        """Serve what a CustomResourceDefinition defines, in place of what it defined before."""
        self._custom[definition["metadata"]["name"]] = custom_resources(definition)
        self._rebuild()

    def forget(self, name: str) -> None:
        """Serve no longer what a CustomResourceDefinition defined."""
        self._custom.pop(name, None)
        self._rebuild()

    def defined_by(self, name: str) -> tuple[Resource, ...]:
        """The resources of one definition."""
        return self._custom.get(name, ())

    @property
    def custom(self) -> tuple[Resource, ...]:
        """All resources of all definitions."""
        return tuple(one for defined in self._custom.values() for one in defined)

    def _rebuild(self) -> None:
        added = {(one.group, one.version, one.plural): one for one in self.custom}
        self._known = {**added, **self._builtin}
