"""Endpoints and slices follow the readiness of pods; budgets count them."""

import pytest

from infra.lab.controllers import disruption_budgets as budgets
from infra.lab.controllers.changes import Create, Remove, Replace
from infra.lab.controllers.endpoint_rules import Port, ports_of
from infra.lab.controllers.endpoint_slices import endpoint_of, plan
from infra.lab.controllers.endpoints import subsets_of

HTTP = (Port("", 8080, "TCP"),)
GOING = {"deletionTimestamp": "2026-01-01T12:00:00Z"}


@pytest.fixture
def service(make):
    ports = [{"port": 80, "targetPort": 8080, "protocol": "TCP"}]
    return make.item(
        "Service", "web", spec={"selector": {"app": "web"}, "ports": ports, "clusterIP": "10.0.0.1"}
    )


def endpoints(make, service, count):
    return [endpoint_of(service, make.pod(f"p{number}"), None) for number in range(count)]


def as_slice(make, service, name, found):
    """A slice as an earlier plan wrote it."""
    (made,) = plan(service, {HTTP: found}, [])
    return make.item(
        "EndpointSlice", name, **{**made.body, "metadata": {**made.body["metadata"], "name": name}}
    )


def test_a_pod_is_listed_as_ready_or_not(make, service):
    (subset,) = subsets_of(
        service, [make.pod("a"), make.pod("b", ready=False), make.pod("c", phase="Failed")]
    )
    assert [one["targetRef"]["name"] for one in subset["addresses"]] == ["a"]
    assert [one["targetRef"]["name"] for one in subset["notReadyAddresses"]] == ["b"]
    assert subset["ports"] == [{"port": 8080, "protocol": "TCP"}]


def test_a_terminating_pod_serves_in_the_slice_and_is_gone_from_the_endpoints(make, service):
    pod = make.pod("a", **GOING)
    assert subsets_of(service, [pod]) == []
    assert endpoint_of(service, pod, None)["conditions"] == {
        "ready": False,
        "serving": True,
        "terminating": True,
    }


def test_a_pod_without_address_is_no_endpoint(make, service):
    pod = make.pod("a")
    assert subsets_of(service, [{**pod, "status": {**pod["status"], "podIP": ""}}]) == []


def test_a_service_may_publish_pods_that_are_not_ready(make, service):
    open_service = {**service, "spec": {**service["spec"], "publishNotReadyAddresses": True}}
    conditions = endpoint_of(open_service, make.pod("a", ready=False), None)["conditions"]
    assert conditions == {"ready": True, "serving": True, "terminating": False}


def test_a_named_port_is_looked_up_in_each_pod(make, service):
    named = {
        **service,
        "spec": {**service["spec"], "ports": [{"name": "http", "port": 80, "targetPort": "web"}]},
    }
    container = {"name": "main", "ports": [{"name": "web", "containerPort": 9000}]}
    pod = make.pod("a")
    assert ports_of(named, {**pod, "spec": {**pod["spec"], "containers": [container]}}) == (
        Port("http", 9000, "TCP"),
    )
    assert ports_of(named, pod) == ()


def test_an_endpoint_knows_its_node_and_zone(make, service):
    node = make.node("n1", labels={"topology.kubernetes.io/zone": "zone-a"})
    found = endpoint_of(service, make.pod("a"), node)
    assert (found["nodeName"], found["zone"]) == ("n1", "zone-a")


def test_a_service_without_pods_has_one_empty_slice(make, service):
    (change,) = plan(service, {}, [])
    assert isinstance(change, Create)
    assert (change.body["endpoints"], change.body["ports"]) == (None, None)


def test_a_slice_that_is_right_is_not_written(make, service):
    found = endpoints(make, service, 3)
    assert plan(service, {HTTP: found}, [as_slice(make, service, "web-a", found)]) == []


def test_a_new_endpoint_fills_a_gap_and_the_others_stay_where_they_are(make, service):
    found = endpoints(make, service, 3)
    (change,) = plan(service, {HTTP: found}, [as_slice(make, service, "web-a", found[:2])])
    assert isinstance(change, Replace)
    assert change.body["endpoints"] == found


def test_the_hundred_and_first_endpoint_opens_a_second_slice_that_goes_with_it(make, service):
    found = endpoints(make, service, 101)
    first = as_slice(make, service, "web-a", found[:100])
    (change,) = plan(service, {HTTP: found}, [first])
    assert isinstance(change, Create)
    assert len(change.body["endpoints"]) == 1
    second = as_slice(make, service, "web-b", found[100:])
    (change,) = plan(service, {HTTP: found[:100]}, [first, second])
    assert isinstance(change, Remove)
    assert change.target is second


def budget(make, **spec):
    return make.item("PodDisruptionBudget", "web", spec={"selector": {"matchLabels": {"app": "web"}}, **spec})


@pytest.mark.parametrize(
    ("spec", "selected", "whole", "expected", "desired"),
    [
        ({"minAvailable": 2}, 3, 0, 3, 2),
        ({"minAvailable": "50%"}, 3, 5, 5, 3),
        ({"maxUnavailable": 1}, 3, 3, 3, 2),
        ({"maxUnavailable": "50%"}, 3, 3, 3, 1),
        ({"maxUnavailable": 5}, 3, 3, 3, 0),
        ({"maxUnavailable": "50%"}, 3, 0, 0, 0),
    ],
)
def test_what_a_budget_expects(make, spec, selected, whole, expected, desired):  # noqa: PLR0917 - by name
    found = budgets.expectation(budget(make, **spec), selected, whole)
    assert (found.expected, found.desired) == (expected, desired)


def test_healthy_pods_beyond_the_desired_may_be_disrupted(make):
    one = budget(make, minAvailable=1)
    found = [make.pod("a"), make.pod("b"), make.pod("c", ready=False), make.pod("d", **GOING)]
    status = budgets.status_of(one, found, budgets.Expectation(4, 1), {}, make.now)
    assert (status["currentHealthy"], status["disruptionsAllowed"]) == (2, 1)
    assert status["conditions"][0]["reason"] == "SufficientPods"
    spent = budgets.status_of(one, found, budgets.Expectation(4, 1), {"a": "2026-01-01T12:00:00Z"}, make.now)
    assert spent["disruptionsAllowed"] == 0
    assert spent["conditions"][0]["reason"] == "InsufficientPods"


def test_an_evicted_pod_that_does_not_go_counts_again_after_a_while(make):
    noted = {"a": "2026-01-01T11:59:30Z", "b": "2026-01-01T11:00:00Z", "gone": "2026-01-01T11:59:59Z"}
    one = {**budget(make, minAvailable=1), "status": {"disruptedPods": noted}}
    selected = [make.pod("a"), make.pod("b")]
    assert budgets.still_disrupted(one, selected, make.now, 120) == {"a": "2026-01-01T11:59:30Z"}


def test_a_budget_that_cannot_be_computed_allows_nothing_and_was_not_observed(make):
    status = budgets.failed_status(budget(make, maxUnavailable="50%"), "no scale", make.now)
    assert status["disruptionsAllowed"] == 0
    assert "observedGeneration" not in status
    assert status["conditions"][0]["reason"] == "SyncFailed"
