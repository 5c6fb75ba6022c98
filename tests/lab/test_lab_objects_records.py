"""What a real API server answered to writes, held against the pure functions that word the lab's answers."""

import json
import re
from pathlib import Path

import pytest

from infra.lab.apiserver.event_forms import is_new_api, to_core, to_new
from infra.lab.objects import bodies, crd, creation, decoding, patches, statuses
from infra.lab.objects.defaults import default
from infra.lab.objects.resources import RESOURCES, custom_resources, lookup
from infra.lab.objects.statuses import StatusError
from infra.lab.objects.validation import validate

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = ROOT.parent / "shared" / "kubernetes-contract" / "scenarios"
pytestmark = [
    pytest.mark.contract,
    pytest.mark.skipif(
        not SCENARIOS.is_dir(), reason="the recorded answers of a real API server are not here"
    ),
]
# Steps whose answer rests on other objects, on the request's options, or on what controllers did before.
NEEDS_A_SERVER = {
    "access": "answers about rights",
    "binding": "a subresource that changes a pod",
    "quota": "limits and quotas of the namespace",
    "namespace-terminating": "the namespace's phase",
    "dry-run": "the query's dryRun",
}
NEEDS_MORE_THAN_THE_BODY = {
    ("pod-crud", "duplicate"),
    ("pod-crud", "post-namespace-differs"),
    ("pod-crud", "post-resource-version"),
    ("pod-errors", "field-validation-invalid"),
    ("pod-errors", "wrong-content-type"),
    ("leases", "create-again"),
    ("namespaces", "duplicate"),
    ("namespaces", "object-in-missing"),
    ("podchaos", "duplicate"),
    ("finalizers", "create-same-name"),
}


def scenario(name):
    text = (SCENARIOS / f"{name}.json").read_text()
    for variable, value in json.loads(text).get("vars", {}).items():
        text = text.replace(f"${{{variable}}}", value)
    return json.loads(text)


def creates():
    """Every recorded POST to a collection that a body alone decides."""
    found = []
    for path in sorted(SCENARIOS.glob("*.json")):
        if path.stem in NEEDS_A_SERVER:
            continue
        for step in scenario(path.stem)["steps"]:
            known = (path.stem, step["id"]) in NEEDS_MORE_THAN_THE_BODY
            if step.get("method") == "POST" and place(step["path"]) and not known:
                found.append(pytest.param(path.stem, step, id=f"{path.stem}-{step['id']}"))
    return found


def place(path):
    """Group, version, plural and namespace of a collection's path; None for other paths."""
    found = re.fullmatch(
        r"/(?:api|apis/(?P<group>[^/]+))/(?P<version>[^/]+)(?:/namespaces/(?P<namespace>[^/]+))?/(?P<plural>[^/]+)",
        path,
    )
    return found and (found["group"] or "", found["version"], found["plural"], found["namespace"] or "")


def resource_at(path, name):
    group, version, plural, _ = place(path)
    built_in = lookup(group, version, plural)
    if built_in or group == "":
        return built_in
    definition = next(
        step["body"]
        for step in scenario(name)["steps"]
        if isinstance(step.get("body"), dict) and step["body"].get("kind") == "CustomResourceDefinition"
    )
    return next(one for one in custom_resources(definition) if one.plural == plural)


def created(step, resource):
    """The answer to a create, as a server made of these functions would give it."""
    raw = step["raw"] if "raw" in step else json.dumps(step["body"])
    media = step.get("headers", {}).get("Content-Type", "application/json")
    body = bodies.read_object(raw.encode(), kind=resource.kind, media_type=media)
    warnings = []
    decoding.check_kind(body.document, resource, known=RESOURCES, warnings=warnings)
    validation = step.get("query", {}).get("fieldValidation", "Warn")
    obj = decoding.decode(
        body.document, resource, validation=validation, warnings=warnings, duplicates=body.duplicates
    )
    obj = to_core(obj) if is_new_api(resource) else obj
    metadata = obj.setdefault("metadata", {})
    if namespace := place(step["path"])[3]:
        metadata["namespace"] = namespace
    if "generateName" in metadata:
        metadata["name"] = f"{metadata['generateName']}abcde"
    metadata.update(uid="u", resourceVersion="7", creationTimestamp="2026-01-01T00:00:00Z")
    creation.prepare_new(obj, resource)
    if resource.kind == "Service":
        obj["spec"].setdefault("clusterIP", "10.0.0.1")
    crd.default(obj, resource) if resource.custom else default(obj, resource)
    obj = finished(obj, None, resource)
    return to_new(obj) if is_new_api(resource) else obj, warnings


def finished(obj, old, resource, subresource=""):
    causes = validate(obj, old, resource, subresource=subresource)
    if causes:
        group = "" if resource.kind == "Event" else resource.group
        raise StatusError(statuses.invalid(obj["metadata"].get("name", ""), resource.kind, group, causes))
    return {"kind": resource.kind, "apiVersion": resource.group_version, **obj}


def fits(want, got):
    """Whether an answer holds everything recorded; it may hold more."""
    if isinstance(want, dict):
        return isinstance(got, dict) and all(
            key in got and fits(value, got[key]) for key, value in want.items()
        )
    if isinstance(want, list):
        return isinstance(got, list) and len(want) == len(got) and all(map(fits, want, got))
    if isinstance(want, str) and "<any>" in want:
        return (
            want == "<any>"
            or re.fullmatch(".*".join(map(re.escape, want.split("<any>"))), str(got)) is not None
        )
    return type(want) is type(got) and want == got


def unordered(body):
    """A Status whose causes come in a fixed order, and without the message that joins them."""
    causes = sorted(body["details"].get("causes", ()), key=lambda one: one["field"])
    return {**body, "message": "", "details": {**body["details"], "causes": causes}}


@pytest.mark.parametrize(("name", "step"), creates() if SCENARIOS.is_dir() else [])
def test_a_create_is_answered_as_the_real_server_answered_it(name, step):
    resource = resource_at(step["path"], name)
    if resource is None or not resource.stored:
        pytest.skip("not a stored resource")
    record = step["record"]
    code, answer, warnings = answered(step, resource)
    want = record.get("body")
    if step.get("unordered"):
        want, answer = unordered(want), unordered(answer)
    assert code == record["status"], answer
    assert fits(want, answer), answer
    if code == 201:
        told = record["headers"].get("Warning", "")
        assert bool(warnings) == bool(told)
        assert all(json.dumps(text)[1:-1] in told for text in warnings)


def answered(step, resource):
    try:
        return 201, *created(step, resource)
    except StatusError as refusal:
        return refusal.code, refusal.body, []


@pytest.mark.parametrize("name", ["patch-json", "patch-merge", "patch-strategic"])
def test_patches_in_a_row_are_answered_as_recorded(name):
    stored = {}
    checked = 0
    for step in scenario(name)["steps"]:
        parent = step["path"].rpartition("/")[0]
        if step.get("method") == "POST" and place(step["path"]):
            resource = resource_at(step["path"], name)
            stored[f"{step['path']}/{step['body']['metadata']['name']}"] = created(step, resource)[0]
        elif step.get("method") == "PATCH" and step["path"] in stored:
            resource, old = resource_at(parent, name), stored[step["path"]]
            answer = patched(step, resource, old)
            if answer["kind"] != "Status":
                stored[step["path"]] = answer
            checked += 1
            if not step["id"].startswith("change-name") and step["id"] != "restart":
                assert fits(step["record"]["body"], answer), (step["id"], answer)
    assert checked > 10


def patched(step, resource, old):
    try:
        return after_patch(step, resource, old)
    except StatusError as refusal:
        return refusal.body


def after_patch(step, resource, old):
    patch = bodies.read_patch((step["raw"] if "raw" in step else json.dumps(step["body"])).encode())
    match step["headers"]["Content-Type"].partition("/")[2]:
        case "json-patch+json":
            new = patches.json_patch(old, patch)
        case "merge-patch+json":
            new = patches.merge_patch(old, patch)
        case _:
            new = patches.strategic_merge(old, patch, kind=resource.kind)
    validation = step.get("query", {}).get("fieldValidation", "Warn")
    new = decoding.decode(new, resource, validation=validation, patch=True)
    if new["metadata"]["name"] != old["metadata"]["name"]:
        raise StatusError(statuses.bad_request("another name"))
    default(new, resource)
    return finished(new, old, resource)
