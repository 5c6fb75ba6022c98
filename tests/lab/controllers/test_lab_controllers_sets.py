"""StatefulSets, jobs, quotas, namespaces and owners, decided."""

import pytest

from infra.lab.controllers import job_plan, kinds
from infra.lab.controllers.changes import Create, Patch, Remove
from infra.lab.controllers.garbage_collection import Owners, decide
from infra.lab.controllers.garbage_graph import Graph, Node
from infra.lab.controllers.namespaces import deletion_conditions, remains_of
from infra.lab.controllers.quotas import used
from infra.lab.controllers.stateful_set_plan import Fleet, plan, status_of

GOING = {"deletionTimestamp": "2026-01-01T12:00:00Z"}


def revision(make, hashed, image="x"):
    labels = {"controller-revision-hash": hashed}
    data = {"spec": {"template": make.selecting(image)["template"]}}
    return make.item("ControllerRevision", f"db-{hashed}", metadata={"labels": labels}, data=data)


def fleet(make, replicas, found, *, current="old", update="new", **spec):
    """A StatefulSet whose pods are given as {ordinal: revision} or {ordinal: pod}."""
    owner = make.item(
        "StatefulSet", "db", apiVersion="apps/v1", spec={"replicas": replicas, **make.selecting(), **spec}
    )
    members = {
        ordinal: pod if isinstance(pod, dict) else member(make, ordinal, pod)
        for ordinal, pod in found.items()
    }
    return Fleet(owner, revision(make, current), revision(make, update, "y"), members)


def member(make, ordinal, hashed, **more):
    return make.pod(f"db-{ordinal}", labels={"app": "web", "controller-revision-hash": hashed}, **more)


def step(found, now):
    return [
        (
            type(one).__name__,
            one.body["metadata"]["name"] if isinstance(one, Create) else one.target["metadata"]["name"],
        )
        for one in plan(found, now)
    ]


def test_pods_are_made_one_after_the_other_when_the_one_before_is_ready(make):
    assert step(fleet(make, 3, {}), make.now) == [("Create", "db-0")]
    waiting = fleet(make, 3, {0: member(make, 0, "new", ready=False)})
    assert step(waiting, make.now) == []
    assert step(fleet(make, 3, {0: "new"}), make.now) == [("Create", "db-1")]


def test_a_parallel_set_makes_all_at_once(make):
    assert len(plan(fleet(make, 3, {}, podManagementPolicy="Parallel"), make.now)) == 3


def test_a_new_pod_has_its_lasting_name_and_place(make):
    (change,) = plan(fleet(make, 1, {}, serviceName="db", current="new"), make.now)
    assert change.body["spec"]["hostname"] == "db-0"
    assert change.body["spec"]["subdomain"] == "db"
    assert change.body["metadata"]["labels"]["apps.kubernetes.io/pod-index"] == "0"


def test_the_highest_goes_first_and_alone(make):
    assert step(fleet(make, 1, {0: "new", 1: "new", 2: "new"}), make.now) == [("Remove", "db-2")]
    half = fleet(make, 1, {0: "new", 1: "new", 2: member(make, 2, "new", **GOING)})
    assert step(half, make.now) == []


def test_an_update_rolls_from_the_top_and_stops_at_the_partition(make):
    assert step(fleet(make, 3, {0: "old", 1: "old", 2: "old"}), make.now) == [("Remove", "db-2")]
    assert step(fleet(make, 3, {0: "old", 1: "old", 2: "new"}), make.now) == [("Remove", "db-1")]
    unready = fleet(make, 3, {0: "old", 1: "old", 2: member(make, 2, "new", ready=False)})
    assert step(unready, make.now) == []
    split = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
    assert step(fleet(make, 3, {0: "old", 1: "old", 2: "new"}, updateStrategy=split), make.now) == []
    by_hand = {"type": "OnDelete"}
    assert step(fleet(make, 3, {0: "old", 1: "old", 2: "old"}, updateStrategy=by_hand), make.now) == []


@pytest.mark.parametrize(("lost", "comes_back_as"), [(0, "old"), (1, "new"), (2, "new")])
def test_a_pod_lost_in_mid_rollout_comes_back_as_it_was(make, lost, comes_back_as):
    found = {0: "old", 1: "old", 2: "new"}  # 1 is next
    del found[lost]
    (change,) = plan(fleet(make, 3, found), make.now)
    assert change.body["metadata"]["labels"]["controller-revision-hash"] == comes_back_as


def test_a_failed_pod_is_removed_to_be_made_again(make):
    assert step(fleet(make, 1, {0: member(make, 0, "new", phase="Failed")}), make.now) == [("Remove", "db-0")]


def test_the_current_revision_follows_when_the_rollout_is_over(make):
    rolling = status_of(fleet(make, 2, {0: "old", 1: "new"}), make.now)
    assert (rolling["currentRevision"], rolling["updateRevision"]) == ("db-old", "db-new")
    assert (rolling["currentReplicas"], rolling["updatedReplicas"]) == (1, 1)
    done = status_of(fleet(make, 2, {0: "new", 1: "new"}), make.now)
    assert (done["currentRevision"], done["currentReplicas"]) == ("db-new", 2)


def job(make, *, status=None, **spec):
    full = {"parallelism": 1, "completions": 1, "backoffLimit": 6, **make.selecting(), **spec}
    return make.item("Job", "once", apiVersion="batch/v1", spec=full, status=status or {})


def run_of(make, name, phase, **metadata):
    return make.pod(name, phase=phase, finalizers=[job_plan.TRACKING], **metadata)


def test_a_job_with_enough_successes_is_complete_with_two_conditions(make):
    one = job(make)
    count = job_plan.tally(one, [run_of(make, "a", "Succeeded")], frozenset())
    ended = job_plan.verdict(one, count, make.now)
    status = job_plan.status_of(one, count, ended, make.now)
    assert [each["type"] for each in status["conditions"]] == ["SuccessCriteriaMet", "Complete"]
    assert (status["succeeded"], status["ready"], status["terminating"]) == (1, 0, 0)


def test_a_job_that_failed_too_often_waits_for_its_pods_before_it_is_failed(make):
    one = job(make, backoffLimit=0, parallelism=2, completions=2)
    found = [run_of(make, "a", "Failed"), run_of(make, "b", "Running")]
    count = job_plan.tally(one, found, frozenset())
    ended = job_plan.verdict(one, count, make.now)
    assert ended[:2] == ("Failed", "BackoffLimitExceeded")
    status = job_plan.status_of(one, count, ended, make.now)
    assert [each["type"] for each in status["conditions"]] == ["FailureTarget"]


def test_a_pod_is_counted_once_and_a_deleted_one_failed(make):
    one = job(make, status={"failed": 1})
    counted = run_of(make, "counted", "Failed")
    deleted = run_of(make, "deleted", "Running", **GOING)
    count = job_plan.tally(one, [counted, deleted], frozenset({counted["metadata"]["uid"]}))
    assert count.failed == 2


@pytest.mark.parametrize(
    ("spec", "phases", "expected"),
    [
        ({"parallelism": 3, "completions": 5}, [], 3),
        ({"parallelism": 3, "completions": 5}, ["Running", "Succeeded"], 2),
        ({"parallelism": 3, "completions": 2}, ["Running", "Succeeded"], 0),
        ({"suspend": True}, ["Running"], -1),
        ({"parallelism": 2, "completions": None}, ["Succeeded", "Running"], 0),
    ],
)
def test_how_many_pods_a_job_still_needs(make, spec, phases, expected):
    one = job(make, **spec)
    found = [run_of(make, f"p{number}", phase) for number, phase in enumerate(phases)]
    assert job_plan.missing(one, job_plan.tally(one, found, frozenset())) == expected


def test_indexes_are_handed_out_once(make):
    one = job(
        make, completionMode="Indexed", completions=5, parallelism=5, status={"completedIndexes": "0,2-3"}
    )
    busy = run_of(make, "busy", "Running", annotations={job_plan.INDEX: "1"})
    count = job_plan.tally(one, [busy], frozenset())
    assert job_plan.free_indexes(one, count, 5) == [4]
    assert job_plan.status_of(one, count, ("", "", ""), make.now)["completedIndexes"] == "0,2-3"


def test_a_job_past_its_deadline_has_failed(make):
    one = job(make, activeDeadlineSeconds=60, status={"startTime": "2026-01-01T11:58:00Z"})
    count = job_plan.tally(one, [], frozenset())
    assert job_plan.verdict(one, count, make.now)[1] == "DeadlineExceeded"


def test_quotas_count_objects_and_sum_requests(make):
    containers = [{"name": "main", "resources": {"requests": {"cpu": "250m", "memory": "64Mi"}}}]
    running, ended = make.pod("a"), make.pod("b", phase="Succeeded")
    running = {**running, "spec": {"containers": containers * 2}}
    hard = ["pods", "requests.cpu", "memory", "configmaps", "count/deployments.apps"]
    contents = {"pods": [running, ended], "configmaps": [{}, {}], "deployments.apps": [{}]}
    assert used(hard, contents) == {
        "pods": "1",
        "requests.cpu": "500m",
        "memory": "134217728",
        "configmaps": "2",
        "count/deployments.apps": "1",
    }


def test_a_namespace_says_what_holds_it(make):
    held = make.item("ConfigMap", "held", metadata={"finalizers": ["example.com/hold"]})
    conditions = deletion_conditions([], remains_of({kinds.CONFIG_MAPS: [held]}), "", make.now)
    messages = {one["type"]: one["message"] for one in conditions if one["status"] == "True"}
    assert messages == {
        "NamespaceContentRemaining": "Some resources are remaining: configmaps. has 1 resource instances",
        "NamespaceFinalizersRemaining": (
            "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances"
        ),
    }
    assert len(conditions) == 5


def owned_node(make, *uids, block=True, **metadata):
    references = [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": uid, "uid": uid, "blockOwnerDeletion": block}
        for uid in uids
    ]
    item = make.item("ConfigMap", "child", metadata={"ownerReferences": references, **metadata})
    return Node(kinds.CONFIG_MAPS, item)


def test_an_object_whose_owners_are_all_gone_is_deleted(make):
    node = owned_node(make, "a")
    (change,) = decide(node, Owners(gone=tuple(node.owners)), has_dependents=False)
    assert isinstance(change, Remove)
    assert change.policy == "Background"


def test_an_object_with_a_living_owner_only_forgets_the_others(make):
    node = owned_node(make, "a", "b")
    owners = Owners(solid=(node.owners[0],), gone=(node.owners[1],))
    (change,) = decide(node, owners, has_dependents=False)
    assert isinstance(change, Patch)
    assert [one["uid"] for one in change.body["metadata"]["ownerReferences"]] == ["a"]
    assert decide(node, Owners(solid=tuple(node.owners)), has_dependents=False) == []


def test_the_foreground_goes_down_the_tree(make):
    node = owned_node(make, "a")
    waiting = Owners(waiting=tuple(node.owners))
    assert decide(node, waiting, has_dependents=True)[0].policy == "Foreground"
    assert decide(node, waiting, has_dependents=False)[0].policy == "Background"


def test_the_graph_knows_dependents_before_their_owner_and_after_a_change(make):
    graph, child = Graph(), owned_node(make, "a")
    graph.put(child)
    assert [one.uid for one in graph.dependents("a")] == [child.uid]
    changed = {**child.item, "metadata": {**child.item["metadata"], "ownerReferences": []}}
    graph.put(Node(kinds.CONFIG_MAPS, changed))
    assert list(graph.dependents("a")) == []
    graph.drop(child.uid)
    assert child.uid not in graph
