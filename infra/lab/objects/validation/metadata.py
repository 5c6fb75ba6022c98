"""Validation of metadata, for every kind."""

from collections.abc import Callable, Mapping

from infra.lab.objects import names
from infra.lab.objects.resource import Resource
from infra.lab.objects.statuses import Cause, Json
from infra.lab.objects.wording import forbidden, immutable, invalid, required

_STANDARD_FINALIZERS = frozenset({"orphan", "foregroundDeletion", "kubernetes"})
_ANNOTATION_BYTES = 256 * 1024
_NAMING: dict[str, Callable[[str], list[str]]] = {
    "Namespace": names.label,
    "Service": names.label_1035,
    "ServiceAccount": names.subdomain,
}
# Their names may be anything that fits into a path.
_PATH_NAMES = frozenset({"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"})


def validate(obj: Json, old: Json | None, resource: Resource) -> list[Cause]:
    """What is wrong with an object's metadata, alone and compared with what it was.

    On updates of built-in kinds the server checks twice and lists each cause twice; so does this.
    """
    given: Json = obj.get("metadata") or {}
    if old is None:
        return [*_name(given, resource), *_common(given)]
    found = [*_changes(given, old.get("metadata") or {}), *_common(given)]
    return found if resource.custom else [*found, *found]


def _name(given: Json, resource: Resource) -> list[Cause]:
    name = given.get("name") or ""
    if not name:
        return [required("metadata.name", "name or generateName is required")]
    check = (
        names.path_segment if resource.kind in _PATH_NAMES else _NAMING.get(resource.kind, names.subdomain)
    )
    return [invalid("metadata.name", name, words) for words in check(name)]


def _changes(new: Json, old: Json) -> list[Cause]:
    found = []
    if "deletionTimestamp" in old:
        added = [one for one in new.get("finalizers") or () if one not in (old.get("finalizers") or ())]
        if added:
            listed = ", ".join(f'"{one}"' for one in added)
            words = "no new finalizers can be added if the object is being deleted, found new finalizers "
            found.append(forbidden("metadata.finalizers", f"{words}[]string{{{listed}}}"))
    found += [
        immutable(f"metadata.{key}", new.get(key))
        for key in ("name", "namespace", "uid")
        if new.get(key) and old.get(key) and new[key] != old[key]
    ]
    return found


def _common(given: Json) -> list[Cause]:
    return [
        *labels(given.get("labels") or {}, "metadata.labels"),
        *_annotations(given.get("annotations") or {}),
        *_owners(given.get("ownerReferences") or []),
        *_finalizers(given.get("finalizers") or []),
    ]


def labels(given: Mapping[str, str], field: str) -> list[Cause]:
    """What is wrong with the keys and values of labels."""
    found = []
    for key, value in given.items():
        found += [invalid(field, key, words) for words in names.qualified(key)]
        found += [invalid(field, value, words) for words in names.label_value(value)]
    return found


def _annotations(given: Mapping[str, str]) -> list[Cause]:
    field = "metadata.annotations"
    found = [invalid(field, key, words) for key in given for words in names.qualified(key.lower())]
    if sum(len(key) + len(value) for key, value in given.items()) > _ANNOTATION_BYTES:
        words = f"Too long: may not be more than {_ANNOTATION_BYTES} bytes"
        found.append(Cause("FieldValueTooLong", words, field))
    return found


def _owners(references: list[Json]) -> list[Cause]:
    found, controller = [], ""
    field = "metadata.ownerReferences"
    for one in references:
        for key in ("apiVersion", "kind", "name", "uid"):
            if not one.get(key):
                words = "version must not be empty" if key == "apiVersion" else "must not be empty"
                found.append(invalid(f"{field}.{key}", one.get(key, ""), words))
        if one.get("controller"):
            name = f"{one.get('kind')}/{one.get('name')}"
            if controller:
                words = 'Only one reference can have Controller set to true. Found "true" in references for '
                found.append(invalid(field, references, f"{words}{controller} and {name}"))
            controller = name
    return found


def _finalizers(given: list[str]) -> list[Cause]:
    found = []
    for index, one in enumerate(given):
        field = f"metadata.finalizers[{index}]"
        problems = names.qualified(one)
        found += [invalid(field, one, words) for words in problems]
        if not problems and "/" not in one and one not in _STANDARD_FINALIZERS:
            words = "name is neither a standard finalizer name nor is it fully qualified"
            found.append(invalid(field, one, words))
    return found
