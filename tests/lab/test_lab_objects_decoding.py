"""Decoding, defaults and validation of built-in kinds, without the records."""

from copy import deepcopy

import pytest

from infra.lab.objects import bodies, creation, decoding
from infra.lab.objects.defaults import default
from infra.lab.objects.resources import RESOURCES, by_kind, lookup
from infra.lab.objects.statuses import StatusError
from infra.lab.objects.validation import validate

PODS, LEASES = lookup("", "v1", "pods"), lookup("coordination.k8s.io", "v1", "leases")
PORT_RANGE = "must be between 1 and 65535, inclusive"
SPEC = {"containers": [{"name": "main", "image": "x:1"}]}


def pod(**spec):
    return {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "a"}, "spec": {**deepcopy(SPEC), **spec}}


def complete(obj, resource):
    obj = decoding.decode(obj, resource)
    obj["metadata"].update(uid="u", creationTimestamp="2026-01-01T00:00:00Z")
    creation.prepare_new(obj, resource)
    default(obj, resource)
    return obj


def complaints(obj, old=None, resource=PODS, subresource=""):
    return [str(cause) for cause in validate(obj, old, resource, subresource=subresource)]


def test_nulls_and_empty_collections_do_not_survive_reading():
    read = decoding.decode(pod(tolerations=[], nodeSelector={}, affinity=None, nodeName=""), PODS)
    assert read["spec"] == SPEC


def test_times_are_kept_in_utc_and_micro_times_with_six_digits():
    lease = {"metadata": {"name": "l"}, "spec": {"renewTime": "2026-01-01T02:00:05.123456+02:00"}}
    assert decoding.decode(lease, LEASES)["spec"]["renewTime"] == "2026-01-01T00:00:05.123456Z"


@pytest.mark.parametrize("time", ["2026-01-01T00:00:05Z", "2026-01-01T00:00:05.123Z", "yesterday"])
def test_a_micro_time_without_six_digits_is_refused(time):
    with pytest.raises(StatusError, match="parsing time"):
        decoding.decode({"metadata": {"name": "l"}, "spec": {"renewTime": time}}, LEASES)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"containers": "x"}, "string into Go struct field PodSpec.spec.containers of type []v1.Container"),
        (
            {"containers": [{"image": 1}]},
            "number into Go struct field Container.spec.containers.image of type string",
        ),
        (
            {"nodeSelector": {"a": 1}},
            "number into Go struct field PodSpec.spec.nodeSelector.a of type string",
        ),
        ({"hostNetwork": "yes"}, "string into Go struct field PodSpec.spec.hostNetwork of type bool"),
        ({"priority": True}, "bool into Go struct field PodSpec.spec.priority of type int32"),
    ],
)
def test_a_wrong_type_is_refused_in_gos_words(spec, words):
    with pytest.raises(StatusError) as refusal:
        decoding.decode(pod(**spec), PODS)
    assert refusal.value.message.endswith(f"json: cannot unmarshal {words}")


def test_a_patch_result_that_cannot_be_read_is_unprocessable():
    with pytest.raises(StatusError) as refusal:
        decoding.decode(pod(hostNetwork=1), PODS, patch=True)
    assert (refusal.value.code, refusal.value.causes[0]["field"]) == (422, "patch")


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b'{"a": ', r"unexpected end of JSON input \(\{\"a\": \)"),
        (b'{"a": nope}', "invalid character 'n' looking for beginning of value"),
        (b'{"a" 1}', "invalid character '1' after object key:value pair"),
        (b"{} {}", "invalid character '{' after top-level value"),
        (b'{"a": NaN}', "invalid character 'N' looking for beginning of value"),
        (b"\xff", "invalid UTF-8"),
        (b"[" * 100_000, "exceeded max depth|unexpected end"),
    ],
)
def test_a_body_that_is_no_json_is_a_bad_request(raw, words):
    with pytest.raises(StatusError, match=words) as refusal:
        bodies.read_object(raw, kind="Pod")
    assert refusal.value.code == 400


def test_repeated_keys_are_found_wherever_they_are():
    body = bodies.read_object(b'{"a":{"b":1,"b":2},"l":[{"c":1,"c":2}]}', kind="Pod")
    assert body.duplicates == ("a.b", "l[0].c")


def test_yaml_dates_stay_texts():
    body = bodies.read_object(b"metadata: {name: 2026-01-01}", kind="Pod", media_type="application/yaml")
    assert body.document["metadata"]["name"] == "2026-01-01"


@pytest.mark.parametrize("resource", [one for one in RESOURCES if one.stored], ids=lambda one: one.qualified)
def test_filling_in_defaults_twice_changes_nothing(resource):
    first = complete({"metadata": {"name": "a"}}, resource)
    second = deepcopy(first)
    default(second, resource)
    assert second == first


def test_a_new_pod_gets_its_token_its_tolerations_and_its_class():
    made = complete(pod(), PODS)
    assert made["status"] == {"phase": "Pending", "qosClass": "BestEffort"}
    assert [one["key"] for one in made["spec"]["tolerations"]] == [
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
    ]
    assert made["spec"]["volumes"][0]["name"].startswith("kube-api-access-")
    assert made["spec"]["serviceAccountName"] == "default"
    limits = {"limits": {"cpu": "1", "memory": "1Gi"}}
    sure = complete(pod(containers=[{"name": "m", "image": "x", "resources": limits}]), PODS)
    assert sure["status"]["qosClass"] == "Guaranteed"
    assert sure["spec"]["containers"][0]["resources"]["requests"] == limits["limits"]


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("x", "Always"),
        ("x:latest", "Always"),
        ("x:1", "IfNotPresent"),
        ("h:5000/x", "Always"),
        ("x@sha256:0", "IfNotPresent"),
    ],
)
def test_only_the_latest_image_is_always_pulled(image, policy):
    made = complete(pod(containers=[{"name": "m", "image": image}]), PODS)
    assert made["spec"]["containers"][0]["imagePullPolicy"] == policy


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ({"containers": [{"name": "m", "image": "x"}] * 2}, 'spec.containers[1].name: Duplicate value: "m"'),
        (
            {"containers": [{"name": "m", "image": "x", "ports": [{"containerPort": 70000}]}]},
            f"spec.containers[0].ports[0].containerPort: Invalid value: 70000: {PORT_RANGE}",
        ),
        (
            {"containers": [{"name": "m", "image": "x", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}]},
            'spec.containers[0].volumeMounts[0].name: Not found: "v"',
        ),
        (
            {"terminationGracePeriodSeconds": -1},
            "spec.terminationGracePeriodSeconds: Invalid value: -1: must be greater than or equal to 0",
        ),
    ],
)
def test_a_wrong_pod_is_refused_with_the_place_of_the_mistake(spec, complaint):
    assert complaints(complete(pod(**spec), PODS)) == [complaint]


def test_of_a_pod_only_images_deadline_and_more_tolerations_may_change():
    old = complete(pod(), PODS)
    new = deepcopy(old)
    new["spec"]["containers"][0]["image"] = "x:2"
    new["spec"]["activeDeadlineSeconds"] = 5
    new["spec"]["tolerations"] = [*old["spec"]["tolerations"], {"key": "k", "operator": "Exists"}]
    assert complaints(new, old) == []
    new["spec"]["nodeName"] = "n"
    assert complaints(new, old)[0].startswith("spec: Forbidden: pod updates may not change fields other than")


@pytest.mark.parametrize(
    ("kind", "group"), [("Deployment", "apps"), ("ReplicaSet", "apps"), ("DaemonSet", "apps")]
)
def test_a_workload_has_to_select_its_own_pods(kind, group):
    resource = by_kind(group, kind)
    spec = {
        "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "c"}}, "spec": SPEC},
    }
    made = complete({"metadata": {"name": "w"}, "spec": deepcopy(spec)}, resource)
    wanted = (
        'spec.template.metadata.labels: Invalid value: {"a":"c"}: `selector` does not match template `labels`'
    )
    assert complaints(made, resource=resource) == [wanted]


def test_metadata_mistakes_are_listed_twice_on_updates_of_built_in_kinds():
    maps = by_kind("", "ConfigMap")
    old = {"metadata": {"name": "a"}}
    new = {"metadata": {"name": "a", "labels": {"-": "x"}}}
    assert len(complaints(new, None, maps)) == 1
    assert len(complaints(new, old, maps)) == 2


def test_a_budget_takes_one_bound_and_no_more_than_all():
    budgets = by_kind("policy", "PodDisruptionBudget")
    obj = {"metadata": {"name": "b"}, "spec": {"maxUnavailable": "x%"}}
    assert "a valid percent string must be" in complaints(obj, resource=budgets)[0]
    obj["spec"] = {"maxUnavailable": "100%"}
    assert complaints(obj, resource=budgets) == []
