"""Server-side apply, and the bookkeeping of field managers that it rests on."""

from copy import deepcopy

from infra.lab.objects import decoding
from infra.lab.objects.fieldsets import (
    FieldSet,
    as_fields_v1,
    fields_of,
    from_fields_v1,
    leaves,
    shape_of,
    shown,
)
from infra.lab.objects.merging import merge, remove
from infra.lab.objects.resource import Resource
from infra.lab.objects.statuses import Cause, Json, PatchError, StatusError, bad_request, status, unexplained

_APPLY, _UPDATE = "Apply", "Update"


class ApplyConflict(StatusError):  # noqa: N818 - the API's own name for it
    """Fields that another manager owns with another value: 409, one cause for each."""

    def __init__(self, conflicts: list[tuple[Json, list[str]]]) -> None:
        causes = [
            Cause("FieldManagerConflict", f"conflict with {_named(entry)}", path)
            for entry, paths in conflicts
            for path in paths
        ]
        if len(causes) == 1:
            words = f"1 conflict: {causes[0].message}: {causes[0].field}"
        else:
            listed = (
                "\n".join([f"conflicts with {_named(entry)}:", *(f"- {path}" for path in paths)])
                for entry, paths in conflicts
            )
            words = f"{len(causes)} conflicts: " + "\n".join(listed)
        details = {"causes": [cause.as_json() for cause in causes]}
        super().__init__(status(409, "Conflict", f"Apply failed with {words}", details))


def _named(entry: Json) -> str:
    """A manager as conflicts name it."""
    name = f'"{entry["manager"]}"'
    if entry.get("subresource"):
        name += f' with subresource "{entry["subresource"]}"'
    return f"{name} using {entry['apiVersion']}" if entry["operation"] == _UPDATE else name


def check_applied(document: Json, resource: Resource) -> None:
    """Refuse an applied configuration without a type, or with managed fields.

    Raises:
        StatusError: 400.
    """
    kind, version = document.get("kind", ""), document.get("apiVersion", "")
    if not kind or not version:
        group, _, short = version.rpartition("/")
        raise StatusError(bad_request(f"invalid object type: {group}/{short}, Kind={kind}"))
    if (document.get("metadata") or {}).get("managedFields"):
        raise StatusError(bad_request("metadata.managedFields must be nil"))
    if (kind, version) != (resource.kind, resource.group_version):
        decoding.check_kind(document, resource)


def server_side_apply(
    live: Json | None,
    applied: Json,
    *,
    manager: str,
    force: bool,
    resource: Resource,
    now: str,
    subresource: str = "",
) -> Json:
    """The object after a manager applied its configuration, with managedFields kept.

    Fields the manager owned alone and no longer lists are removed. Defaults are not filled in here.

    Args:
        live: the stored object, None if it is to be created. Left as it is.
        applied: the configuration as sent.
        manager: who applies.
        force: take fields from others instead of refusing.
        resource: what it is.
        now: the time for a changed entry, as the API writes times.
        subresource: the path below the object, if one is applied to.

    Raises:
        ApplyConflict: another manager owns a field with another value, and `force` is off.
        PatchError: 500, a field the schema does not have.
    """
    wanted = _known(applied, resource)
    mine = fields_of(wanted, resource)
    entries = deepcopy(((live or {}).get("metadata") or {}).get("managedFields") or [])
    own = next((one for one in entries if _is(one, manager, _APPLY, subresource)), None)
    others = [one for one in entries if one is not own]
    if live is None:
        merged = deepcopy(wanted)
    else:
        _settle(live, wanted, others, resource, force=force)
        merged = merge(deepcopy(live), wanted, shape_of(resource))
        given_up = _owned(own) - mine - frozenset(path for one in others for path in _owned(one))
        remove(merged, given_up, shape_of(resource))
    fresh = _fresh(manager, _APPLY, resource=resource, now=now, subresource=subresource)
    entry = _entry(own, mine, fresh)
    merged.setdefault("metadata", {})["managedFields"] = _listed([*others, *([entry] if mine else [])])
    return merged


def _known(applied: Json, resource: Resource) -> Json:
    """The configuration as the kind declares it; status is left out where it has its own path."""
    warnings: list[str] = []
    wanted = decoding.decode(applied, resource, warnings=warnings, patch=True)
    if warnings and not resource.custom:
        metadata = applied.get("metadata") or {}
        name = f"{metadata.get('namespace', '')}/{metadata.get('name', '')}"
        kind = f"{resource.group}/{resource.version}, Kind={resource.kind}"
        wrong = [f".{text.split(chr(34))[1]}: field not declared in schema" for text in warnings]
        listed = wrong[0] if len(wrong) == 1 else "errors:\n" + "\n".join(f"  {one}" for one in wrong)
        raise PatchError(unexplained(f"failed to create typed patch object ({name}; {kind}): {listed}"))
    return wanted


def _settle(live: Json, wanted: Json, others: list[Json], resource: Resource, *, force: bool) -> None:
    """Find the fields others own with another value; take them over, or refuse."""
    now, then = dict(leaves(wanted, resource)), dict(leaves(live, resource))
    changed = frozenset(path for path, value in now.items() if path not in then or then[path] != value)
    conflicts = []
    for entry in others:
        contested = _owned(entry) & changed
        if contested and not force:
            conflicts.append((entry, [shown(path) for path in sorted(contested)]))
        elif contested:
            entry["fieldsV1"] = as_fields_v1(_owned(entry) - contested)
    if conflicts:
        raise ApplyConflict(conflicts)


def track_write(
    old: Json | None, new: Json, *, manager: str, resource: Resource, now: str, subresource: str = ""
) -> list[Json]:
    """ManagedFields after any write but an apply: the writer owns what it changed, others lose that.

    Args:
        old: the object before, None on create.
        new: the object after, with the managedFields of before or without any.
        manager: who writes.
        resource: what it is.
        now: the time for a changed entry.
        subresource: the path below the object that was written, "" for the object.
    """
    entries = deepcopy((((old or {}).get("metadata")) or {}).get("managedFields") or [])
    then, after = dict(leaves(old or {}, resource)), dict(leaves(new, resource))
    changed = frozenset(path for path, value in after.items() if path not in then or then[path] != value)
    gone = then.keys() - after.keys()
    own = next((one for one in entries if _is(one, manager, _UPDATE, subresource)), None)
    for entry in entries:
        lost = gone if entry is own else gone | changed
        owned = _owned(entry)
        if owned & lost:
            entry["fieldsV1"] = as_fields_v1(owned - lost)
    others = [one for one in entries if one is not own]
    mine = _owned(own) | changed
    fresh = _fresh(manager, _UPDATE, resource=resource, now=now, subresource=subresource)
    entry = _entry(own, mine, fresh)
    return _listed([*others, *([entry] if mine else [])])


def _is(entry: Json, manager: str, operation: str, subresource: str) -> bool:
    given = (entry["manager"], entry["operation"], entry.get("subresource", ""))
    return given == (manager, operation, subresource)


def _owned(entry: Json | None) -> FieldSet:
    return frozenset(from_fields_v1(entry["fieldsV1"])) if entry else frozenset()


def _entry(own: Json | None, paths: FieldSet, fresh: Json) -> Json:
    """A manager's entry; its time moves only if its fields do."""
    fields = as_fields_v1(paths)
    if own and own["fieldsV1"] == fields and own["apiVersion"] == fresh["apiVersion"]:
        return own
    return {**fresh, "fieldsV1": fields}


def _fresh(manager: str, operation: str, *, resource: Resource, now: str, subresource: str) -> Json:
    """An entry that owns nothing yet."""
    entry = {
        "manager": manager,
        "operation": operation,
        "apiVersion": resource.group_version,
        "time": now,
        "fieldsType": "FieldsV1",
    }
    return {**entry, "subresource": subresource} if subresource else entry


def _listed(entries: list[Json]) -> list[Json]:
    """Entries that own anything, applies first, in the order of time and name."""
    kept = [one for one in entries if one["fieldsV1"]]
    return sorted(kept, key=lambda one: (one["operation"], one.get("time", ""), one["manager"]))
