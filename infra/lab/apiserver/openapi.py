"""OpenAPI v3, as little as kubectl needs: which kinds there are, and that writes take their usual parameters.

Schemas say only that objects are objects; the server itself validates every write.
"""

from typing import TYPE_CHECKING, Any

from infra.lab.apiserver.request import Answer
from infra.lab.objects.resource import Resource

if TYPE_CHECKING:
    from infra.lab.apiserver.server import ApiServer

Object = dict[str, Any]

_WRITE_PARAMETERS = ("dryRun", "fieldManager", "fieldValidation")


def answer(server: "ApiServer", path: str) -> Answer:
    """GET of the index, or of the document of one group and version."""
    parts = path.strip("/").split("/")
    if parts[:2] == ["openapi", "v2"]:
        return Answer(
            200,
            {
                "swagger": "2.0",
                "info": {"title": "Kubernetes", "version": "v1.36.2"},
                "paths": {},
                "definitions": {},
            },
        )
    if parts == ["openapi", "v3"]:
        versions = sorted({(one.group, one.version) for one in server.registry})
        index = {_root(*one): {"serverRelativeURL": f"/openapi/v3/{_root(*one)}?hash=1"} for one in versions}
        return Answer(200, {"paths": index}, {"Content-Type": "text/plain; charset=utf-8"})
    root = "/".join(parts[2:])
    served = [one for one in server.registry if _root(one.group, one.version) == root]
    if not served:
        return Answer(404, "404 page not found\n", {"Content-Type": "text/plain; charset=utf-8"})
    return Answer(200, _document(served))


def _root(group: str, version: str) -> str:
    return f"apis/{group}/{version}" if group else f"api/{version}"


def _document(resources: list[Resource]) -> Object:
    paths, schemas = {}, {}
    for one in resources:
        paths[one.api_path("{namespace}" if one.namespaced else "", "{name}")] = _operations(one)
        schemas[_schema_name(one)] = _schema(one)
    info = {"title": "Kubernetes", "version": "v1.36.2"}
    return {"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": schemas}}


def _kind(one: Resource) -> Object:
    return {"group": one.group, "version": one.version, "kind": one.kind}


def _schema_name(one: Resource) -> str:
    group = ".".join(reversed(one.group.split("."))) if one.group else "io.k8s.api.core"
    return f"{group}.{one.version}.{one.kind}"


def _schema(one: Resource) -> Object:
    schema: Object = dict(one.schema or {"type": "object", "x-kubernetes-preserve-unknown-fields": True})
    schema["x-kubernetes-group-version-kind"] = [_kind(one)]
    return schema


def _operations(one: Resource) -> Object:
    parameters = [
        {"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}}
        for name in _WRITE_PARAMETERS
    ]
    reference = {"$ref": f"#/components/schemas/{_schema_name(one)}"}
    answers = {"200": {"description": "OK", "content": {"application/json": {"schema": reference}}}}
    common: Object = {"x-kubernetes-group-version-kind": _kind(one), "responses": answers}
    return {
        "get": {**common, "x-kubernetes-action": "get"},
        "put": {**common, "x-kubernetes-action": "put", "parameters": parameters},
        "patch": {**common, "x-kubernetes-action": "patch", "parameters": parameters},
    }
