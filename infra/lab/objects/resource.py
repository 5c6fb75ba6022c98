"""What a resource is, and how a custom resource definition adds some."""

from dataclasses import dataclass, field

from infra.lab.objects.statuses import Json

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
CUSTOM_VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")
WRITE = ("get", "patch", "update")
NAMED = ("metadata.name", "metadata.namespace")


@dataclass(frozen=True, slots=True)
class Subresource:
    """A path below an object. `group` and `version` are those of its own kind where it has another one."""

    name: str
    kind: str
    verbs: tuple[str, ...] = WRITE
    group: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of one group and version.

    Attributes:
        stored: objects are kept; False for reviews and bindings, which only answer.
        delete_answers: "object" or "status", what a DELETE that takes effect at once answers.
        generation: whether `metadata.generation` counts changes of anything but metadata and status.
        graceful: whether deletion waits for a node (pods).
        fields: paths that field selectors may name.
        lists_known_fields: whether the refusal of another path lists the known ones.
        orphans: whether a delete without a policy leaves dependents behind.
        schema: structural schema of a custom resource's version; None for built-in kinds.
        columns: additional printer columns of a custom resource; None for built-in kinds.
        scale: the scale subresource's paths of a custom resource.
    """

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    singular: str = ""
    list_kind: str = ""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    subresources: tuple[Subresource, ...] = ()
    stored: bool = True
    delete_answers: str = "status"
    generation: bool = False
    graceful: bool = False
    fields: tuple[str, ...] = NAMED
    lists_known_fields: bool = True
    orphans: bool = False
    custom: bool = False
    schema: Json | None = field(default=None, compare=False)
    columns: tuple[Json, ...] | None = field(default=None, compare=False)
    scale: Json | None = field(default=None, compare=False)

    @property
    def group_version(self) -> str:
        """`apps/v1`, or `v1` for the core group: what objects carry as apiVersion."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """`deployments.apps`, as messages name it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def known_fields(self) -> str:
        """The selectable paths as a refusal lists them; empty where the refusal names only the wrong one."""
        return ", ".join(f'"{path}"' for path in self.fields) if self.lists_known_fields else ""

    @property
    def has_status(self) -> bool:
        """Whether status is written through its own subresource, and ignored on the object."""
        return any(sub.name == "status" for sub in self.subresources)

    def subresource(self, name: str) -> Subresource | None:
        """The subresource of that name, if there is one."""
        return next((sub for sub in self.subresources if sub.name == name), None)

    def api_path(self, namespace: str = "", name: str = "") -> str:
        """The URL path of the collection (of a namespace) or of one object."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        middle = f"/namespaces/{namespace}" if namespace else ""
        return f"{root}{middle}/{self.plural}" + (f"/{name}" if name else "")


def status_of(kind: str) -> Subresource:
    """The status subresource of a kind."""
    return Subresource("status", kind)


SCALE = Subresource("scale", "Scale", WRITE, "autoscaling", "v1")


def custom_resources(definition: Json) -> tuple[Resource, ...]:
    """The resources that a CustomResourceDefinition adds: one for each version it serves."""
    spec = definition["spec"]
    served = (version for version in spec["versions"] if version.get("served"))
    return tuple(_custom(spec, version) for version in served)


def _custom(spec: Json, version: Json) -> Resource:
    names, subresources = spec["names"], version.get("subresources") or {}
    kind = names["kind"]
    parts = ((status_of(kind),) if "status" in subresources else ()) + (
        (SCALE,) if "scale" in subresources else ()
    )
    selectable = (one["jsonPath"].lstrip(".") for one in version.get("selectableFields") or ())
    return Resource(
        spec["group"],
        version["name"],
        names["plural"],
        kind,
        namespaced=spec["scope"] == "Namespaced",
        singular=names.get("singular") or kind.lower(),
        list_kind=names.get("listKind") or f"{kind}List",
        short_names=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        verbs=CUSTOM_VERBS,
        subresources=parts,
        generation=True,
        fields=(*NAMED, *selectable),
        lists_known_fields=False,
        custom=True,
        schema=(version.get("schema") or {}).get("openAPIV3Schema"),
        columns=tuple(version.get("additionalPrinterColumns") or ()),
        scale=subresources.get("scale"),
    )
