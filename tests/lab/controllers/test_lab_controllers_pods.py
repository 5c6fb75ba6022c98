"""Which pods count, which go first, and how many a ReplicaSet makes or removes."""

import pytest

from infra.lab.controllers import pods
from infra.lab.controllers.changes import Create, Remove
from infra.lab.controllers.ownership import claim
from infra.lab.controllers.replica_set import plan_pods, status_of


def names(found):
    return [one["metadata"]["name"] for one in found]


def removed(changes):
    assert all(isinstance(one, Remove) for one in changes)
    return [one.target["metadata"]["name"] for one in changes]


def test_a_missing_pod_is_made_from_the_template(make):
    replica_set = make.replica_set("web", 2)
    (change,) = plan_pods(replica_set, [make.pod("a")])
    assert isinstance(change, Create)
    assert change.body["metadata"]["generateName"] == "web-"
    assert change.body["metadata"]["labels"] == {"app": "web"}
    assert change.body["metadata"]["ownerReferences"][0]["uid"] == replica_set["metadata"]["uid"]


def test_finished_and_terminating_pods_are_replaced(make):
    failed = make.pod("failed", phase="Failed")
    going = make.pod("going", deletionTimestamp="2026-01-01T12:00:00Z")
    assert len(plan_pods(make.replica_set("web", 2), [failed, going])) == 2


def test_a_set_that_is_going_makes_nothing(make):
    replica_set = make.replica_set("web", 2, metadata={"deletionTimestamp": "2026-01-01T12:00:00Z"})
    assert plan_pods(replica_set, []) == []


@pytest.mark.parametrize(
    ("missed_least", "stays"),
    [
        ({"node": ""}, {}),
        ({"phase": "Pending", "ready": False}, {"ready": False}),
        ({"ready": False}, {}),
        ({"annotations": {"controller.kubernetes.io/pod-deletion-cost": "-5"}}, {}),
        ({"node": "crowded"}, {"node": "lonely"}),
        ({"since": "2026-01-01T11:59:00Z"}, {"since": "2026-01-01T10:00:00Z"}),
        ({"creationTimestamp": "2026-01-01T11:30:00Z"}, {"creationTimestamp": "2026-01-01T10:30:00Z"}),
    ],
)
def test_of_a_surplus_the_pod_that_is_missed_least_goes(make, missed_least, stays):
    found = [make.pod("b-stays", **stays), make.pod("a-goes", **missed_least)]
    others = [make.pod("other", node="crowded")]
    assert removed(plan_pods(make.replica_set("web", 1), found, others)) == ["a-goes"]
    assert removed(plan_pods(make.replica_set("web", 1), found[::-1], others)) == ["a-goes"]


def test_a_set_takes_orphans_and_lets_go_of_strangers(make):
    owner = make.replica_set("web", 2)
    mine = make.owned(make.pod("mine"), owner)
    relabelled = make.owned(make.pod("relabelled", labels={"app": "free"}), owner)
    orphan, finished = make.pod("orphan"), make.pod("finished", phase="Succeeded")
    claims = claim(owner, [mine, relabelled], [orphan, finished, make.pod("else", labels={"app": "else"})])
    assert names(claims.owned) == ["mine"]
    assert names(claims.adopt) == ["orphan"]
    assert names(claims.release) == ["relabelled"]


def test_a_set_that_is_going_adopts_and_releases_nobody(make):
    owner = make.replica_set("web", 2, metadata={"deletionTimestamp": "2026-01-01T12:00:00Z"})
    stranger = make.owned(make.pod("relabelled", labels={"app": "free"}), owner)
    claims = claim(owner, [stranger], [make.pod("orphan")])
    assert (claims.adopt, claims.release) == ((), ())


def test_counts_of_zero_are_left_out_of_the_status(make):
    status = status_of(
        make.replica_set("web", 1), [make.pod("a", ready=False, labels={"app": "web"})], make.now
    )
    assert status == {
        "replicas": 1,
        "fullyLabeledReplicas": 1,
        "terminatingReplicas": 0,
        "observedGeneration": 1,
    }


def test_a_pod_is_available_only_after_its_minimum_time(make):
    replica_set = make.replica_set("web", 2, spec={"minReadySeconds": 30})
    young, old = (
        make.pod("young", since="2026-01-01T11:59:45Z"),
        make.pod("old", since="2026-01-01T11:59:00Z"),
    )
    status = status_of(replica_set, [young, old], make.now)
    assert (status["readyReplicas"], status["availableReplicas"]) == (2, 1)
    assert pods.available_in_s(young, 30, make.now) == pytest.approx(15)


def test_pods_that_cannot_be_created_show_in_a_condition_that_goes_again(make):
    replica_set = make.replica_set("web", 1)
    status = status_of(replica_set, [], make.now, "exceeded quota")
    (condition,) = status["conditions"]
    assert (condition["type"], condition["reason"]) == ("ReplicaFailure", "FailedCreate")
    assert condition["message"] == "exceeded quota"
    assert "conditions" not in status_of({**replica_set, "status": status}, [make.pod("a")], make.now)
