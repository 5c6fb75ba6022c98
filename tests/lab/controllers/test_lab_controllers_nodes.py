"""Nodes' taints, who may stay, and where the scheduler puts a pod."""

from collections import Counter

import pytest

from infra.lab.controllers import taints
from infra.lab.controllers.daemon_set_plan import plan as plan_daemons
from infra.lab.controllers.node_affinity import wants_node
from infra.lab.controllers.node_lifecycle import given_up, unready, wanted_taints
from infra.lab.controllers.scheduler.choice import choose
from infra.lab.controllers.scheduler.fitness import View
from infra.lab.controllers.scheduler.ledger import Ledger

OWN = {"key": "own", "value": "x", "effect": "NoExecute"}


def keys(found):
    return {(one["key"].partition("/")[2] or one["key"], one["effect"]) for one in found}


@pytest.mark.parametrize(
    ("ready", "expected"),
    [
        ("True", set()),
        ("False", {("not-ready", "NoSchedule"), ("not-ready", "NoExecute")}),
        ("Unknown", {("unreachable", "NoSchedule"), ("unreachable", "NoExecute")}),
    ],
)
def test_a_nodes_state_becomes_taints_and_others_taints_stay(make, ready, expected):
    was = {"key": taints.NOT_READY, "effect": "NoSchedule"}
    found = wanted_taints(make.node("n1", ready=ready, taints=[was, OWN]), make.now)
    assert keys(found) == expected | {("own", "NoExecute")}


def test_a_cordon_is_a_taint_that_goes_with_it(make):
    cordoned = wanted_taints(make.node("n1", spec={"unschedulable": True}), make.now)
    assert cordoned == [
        {"key": taints.UNSCHEDULABLE, "effect": "NoSchedule", "timeAdded": "2026-01-01T12:00:00Z"}
    ]
    assert wanted_taints(make.node("n1", taints=cordoned), make.now) == []


def test_a_node_that_never_reported_is_not_evicted_from(make):
    node = make.node("n1")
    silent = {**node, "status": {}}
    assert keys(wanted_taints(silent, make.now)) == {("not-ready", "NoSchedule")}


def test_a_silent_node_is_unknown_in_everything(make):
    conditions = {one["type"]: one for one in given_up(make.node("n1"), make.now)["conditions"]}
    assert {one["status"] for one in conditions.values()} == {"Unknown"}
    assert conditions["Ready"]["message"] == "Kubelet stopped posting node status."
    assert conditions["DiskPressure"]["message"] == "Kubelet never posted node status."


def test_pods_of_a_silent_node_are_taken_out_of_service_once(make):
    change = unready(make.pod("a"), make.now)
    assert change.status["conditions"][0]["status"] == "False"
    assert change.status["phase"] == "Running"
    assert unready(make.pod("b", ready=False), make.now) is None


@pytest.mark.parametrize(
    ("tolerations", "expected"),
    [
        ([], 0),
        ([{"key": "own", "operator": "Exists"}], None),
        ([{"key": "own", "operator": "Equal", "value": "y"}], 0),
        (
            [
                {"key": "own", "value": "x", "tolerationSeconds": 30},
                {"operator": "Exists", "tolerationSeconds": 20},
            ],
            20,
        ),
        ([{"operator": "Exists", "tolerationSeconds": -1}], 0),
        ([{"key": "own", "operator": "Exists", "effect": "NoSchedule"}], 0),
    ],
)
def test_how_long_a_pod_may_stay(tolerations, expected):
    assert taints.may_stay_s(tolerations, [OWN]) == expected


def test_without_taints_everybody_stays():
    assert taints.may_stay_s([], []) is None


def pending(make, name="new", labels=None, **spec):
    pod = make.pod(name, node="", labels=labels)
    return {**pod, "spec": {**pod["spec"], **spec}}


def asking(cpu):
    return [{"name": "main", "resources": {"requests": {"cpu": cpu}}}]


def placed(make, view, count, **spec):
    """Schedule so many equal pods one after the other; how many each node got."""
    seen = Counter()
    for number in range(count):
        pod = pending(make, f"p{number}", **spec)
        node, _ = choose(pod, view)
        view.ledger.place(pod, node)
        seen[node] += 1
    return seen


def test_equal_pods_spread_over_equal_nodes(make):
    view = View([make.node(f"n{number}") for number in range(3)], Ledger())
    wish = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": {"app": "web"}},
    }
    assert placed(make, view, 9, topologySpreadConstraints=[wish]) == {"n0": 3, "n1": 3, "n2": 3}


def test_a_full_node_gets_no_more_and_the_reason_names_what_is_missing(make):
    view = View([make.node("small", allocatable={"cpu": "1"}), make.node("large")], Ledger())
    assert placed(make, view, 5, containers=asking("1")) == {"small": 1, "large": 4}
    node, why = choose(pending(make, containers=asking("500m")), view)
    assert node == ""
    assert why.startswith("0/2 nodes are available: 2 Insufficient cpu. preemption:")


def test_room_comes_back_when_a_pod_ends(make):
    view = View([make.node("n1", allocatable={"cpu": "1"})], Ledger())
    pod = pending(make, "first", containers=asking("1"))
    view.ledger.place(pod, "n1")
    assert choose(pending(make, containers=asking("1")), view)[0] == ""
    view.ledger.follow(
        pod, {**pod, "spec": {**pod["spec"], "nodeName": "n1"}, "status": {"phase": "Succeeded"}}
    )
    assert choose(pending(make, containers=asking("1")), view)[0] == "n1"


def test_a_node_without_room_for_one_more_pod_says_so(make):
    view = View([make.node("n1", allocatable={"pods": "1"})], Ledger())
    placed(make, view, 1)
    assert "Too many pods" in choose(pending(make), view)[1]


def test_taints_cordons_and_selectors_keep_pods_away_each_with_its_reason(make):
    nodes = [
        make.node("tainted", taints=[OWN]),
        make.node("cordoned", spec={"unschedulable": True}),
        make.node("other", labels={"disk": "slow"}),
    ]
    _, why = choose(pending(make, nodeSelector={"disk": "fast"}), View(nodes, Ledger()))
    assert "1 node(s) had untolerated taint {own: x}" in why
    assert "1 node(s) were unschedulable" in why
    assert "1 node(s) didn't match Pod's node affinity/selector" in why
    assert choose(pending(make, tolerations=[{"operator": "Exists"}]), View(nodes[:2], Ledger()))[0]


def test_no_node_at_all_is_a_reason_of_its_own(make):
    assert choose(pending(make), View([], Ledger())) == ("", "no nodes available to schedule pods")


def test_anti_affinity_keeps_equal_pods_apart(make):
    view = View([make.node("n1"), make.node("n2")], Ledger())
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "web"}}}
    apart = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    assert placed(make, view, 2, affinity=apart) == {"n1": 1, "n2": 1}
    assert "anti-affinity" in choose(pending(make, affinity=apart), view)[1]


def test_affinity_draws_to_a_zone_and_lets_the_first_one_in(make):
    zones = [make.node(f"n{zone}", labels={"zone": zone}) for zone in "ab"]
    view = View(zones, Ledger())
    term = {"topologyKey": "zone", "labelSelector": {"matchLabels": {"app": "web"}}}
    together = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    assert len(placed(make, view, 4, affinity=together)) == 1


def test_a_hard_spread_refuses_what_would_lean(make):
    nodes = [
        make.node("n1", labels={"zone": "a"}),
        make.node("n2", labels={"zone": "b"}, spec={"unschedulable": True}),
    ]
    rule = {
        "maxSkew": 1,
        "topologyKey": "zone",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}},
    }
    view = View(nodes, Ledger())
    assert placed(make, view, 1, topologySpreadConstraints=[rule]) == {"n1": 1}
    assert "topology spread" in choose(pending(make, topologySpreadConstraints=[rule]), view)[1]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ({"key": "disk", "operator": "In", "values": ["fast"]}, True),
        ({"key": "disk", "operator": "NotIn", "values": ["fast"]}, False),
        ({"key": "gpu", "operator": "DoesNotExist"}, True),
        ({"key": "cores", "operator": "Gt", "values": ["3"]}, True),
    ],
)
def test_node_affinity(make, expression, expected):
    node = make.node("n1", labels={"disk": "fast", "cores": "4"})
    required = {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
    spec = {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}}
    assert wants_node(spec, node) is expected


def test_daemons_come_to_every_fit_node_and_stay_on_a_cordoned_one(make):
    owner = make.item("DaemonSet", "agent", apiVersion="apps/v1", spec=make.selecting())
    revision = make.item(
        "ControllerRevision", "agent-x", metadata={"labels": {"controller-revision-hash": "x"}}
    )
    nodes = [make.node("n1"), make.node("n2", spec={"unschedulable": True}), make.node("bad", taints=[OWN])]
    changes = plan_daemons(owner, nodes, [], revision)
    fields = [one.body["spec"]["affinity"]["nodeAffinity"] for one in changes]
    terms = [one["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"] for one in fields]
    assert [one[0]["matchFields"][0]["values"] for one in terms] == [["n1"], ["n2"]]
    stranded = make.pod("stranded", node="bad")
    (removal,) = plan_daemons(owner, nodes[2:], [stranded], revision)
    assert removal.target is stranded
