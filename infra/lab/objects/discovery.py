"""Discovery documents: what a client asks first. All take the resources served, custom ones included."""

from collections.abc import Iterable, Sequence
from typing import Any

from infra.lab.objects.resource import Resource, Subresource
from infra.lab.objects.resources import groups
from infra.lab.objects.statuses import Json

AGGREGATED_TYPE = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
GIT_VERSION = "v1.36.2"
HEALTH_PATHS = frozenset({"/healthz", "/livez", "/readyz"})


def version() -> Json:
    """The answer to /version."""
    return {
        "major": "1",
        "minor": "36",
        "emulationMajor": "1",
        "emulationMinor": "36",
        "minCompatibilityMajor": "1",
        "minCompatibilityMinor": "35",
        "gitVersion": GIT_VERSION,
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "",
        "platform": "linux/amd64",
    }


def api_versions(*, address: str = "") -> Json:
    """The answer to /api: versions of the core group. `address` is host:port as clients reach it."""
    by_address = [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": by_address}


def group_list(resources: Iterable[Resource]) -> Json:
    """The answer to /apis: all named groups."""
    listed = [_group(name, versions) for name, versions in groups(resources).items()]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": listed}


def group(resources: Iterable[Resource], name: str) -> Json | None:
    """The answer to /apis/NAME; None if no such group is served."""
    versions = groups(resources).get(name)
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(name, versions)} if versions else None


def _group(name: str, versions: Sequence[str]) -> Json:
    entries = [{"groupVersion": f"{name}/{one}", "version": one} for one in versions]
    return {"name": name, "versions": entries, "preferredVersion": entries[0]}


def resource_list(resources: Iterable[Resource], group_name: str, group_version: str) -> Json | None:
    """The answer to /api/v1 or /apis/GROUP/VERSION; None if no such version is served."""
    served = [one for one in resources if (one.group, one.version) == (group_name, group_version)]
    if not served:
        return None
    entries = [
        entry for one in served for entry in (_entry(one), *(_part(one, sub) for sub in one.subresources))
    ]
    full = f"{group_name}/{group_version}" if group_name else group_version
    # The core document has no apiVersion on a real server; an additional one would do no harm, but why lie.
    own = {"apiVersion": "v1"} if group_name else {}
    return {"kind": "APIResourceList", **own, "groupVersion": full, "resources": entries}


def _entry(one: Resource) -> Json:
    entry: Json = {
        "name": one.plural,
        "singularName": one.singular,
        "namespaced": one.namespaced,
        "kind": one.kind,
        "verbs": list(one.verbs),
    }
    if one.short_names:
        entry["shortNames"] = list(one.short_names)
    if one.categories:
        entry["categories"] = list(one.categories)
    return entry


def _part(one: Resource, sub: Subresource) -> Json:
    own = {"group": sub.group, "version": sub.version} if sub.group else {}
    return {
        "name": f"{one.plural}/{sub.name}",
        "singularName": "",
        "namespaced": one.namespaced,
        **own,
        "kind": sub.kind,
        "verbs": list(sub.verbs),
    }


def aggregated(resources: Sequence[Resource], *, core: bool) -> Json:
    """The aggregated document of /api (core) or /apis (every named group), for clients that accept it."""
    names: dict[str, list[str]] = {"": ["v1"]} if core else groups(resources)
    items = [_group_discovery(resources, name, versions) for name, versions in names.items()]
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items,
    }


def _group_discovery(resources: Sequence[Resource], name: str, versions: Sequence[str]) -> Json:
    documents = []
    for one in versions:
        served = [_discovered(res) for res in resources if (res.group, res.version) == (name, one)]
        documents.append({"version": one, "resources": served, "freshness": "Current"})
    return {"metadata": {"name": name} if name else {}, "versions": documents}


def _discovered(one: Resource) -> Json:
    found: Json = {
        "resource": one.plural,
        "responseKind": _kind(one, "", "", one.kind),
        "scope": "Namespaced" if one.namespaced else "Cluster",
        "singularResource": one.singular,
        "verbs": list(one.verbs),
    }
    if one.short_names:
        found["shortNames"] = list(one.short_names)
    if one.categories:
        found["categories"] = list(one.categories)
    if one.subresources:
        found["subresources"] = [
            {
                "subresource": sub.name,
                "responseKind": _kind(one, sub.group, sub.version, sub.kind),
                "verbs": list(sub.verbs),
            }
            for sub in one.subresources
        ]
    return found


def _kind(one: Resource, own_group: str, own_version: str, kind: str) -> dict[str, Any]:
    """A kind with its group and version; built-in resources leave them empty for their own kinds."""
    if one.custom and not own_group:
        return {"group": one.group, "version": one.version, "kind": kind}
    return {"group": own_group, "version": own_version, "kind": kind}


def openapi_v3_index(resources: Iterable[Resource]) -> Json:
    """The answer to /openapi/v3 without any document: clients then validate nothing themselves."""
    del resources
    return {"paths": {}}
