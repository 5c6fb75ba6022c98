"""The phase and conditions of a pod, computed from what its node knows of its containers."""

from collections.abc import Sequence

import pytest

from infra.lab.node.container_record import (
    ContainerRecord,
    Running,
    State,
    Terminated,
    Waiting,
    back_off_seconds,
    restarts_after,
)
from infra.lab.node.pod_status import PodFacts, status

NOW = "2026-01-01T00:00:00Z"
EARLIER = "2025-12-31T00:00:00Z"
CREATING = Waiting("ContainerCreating")
RUNNING = Running(NOW)


def ended(code: int) -> Terminated:
    return Terminated(code, "Completed" if code == 0 else "Error", NOW, NOW, "lab://1")


def record(state: State, *, ready: bool = False, last: Terminated | None = None, **spec) -> ContainerRecord:
    return ContainerRecord({"name": "main", "image": "x", **spec}, state, last=last, ready=ready)


def pod(policy: str = "Always", **status_fields) -> dict:
    meta = {"name": "web", "namespace": "shop", "uid": "u", "generation": 3}
    return {
        "metadata": meta,
        "spec": {"restartPolicy": policy},
        "status": {"qosClass": "Burstable", **status_fields},
    }


def facts(
    *main: ContainerRecord, init: Sequence[ContainerRecord] = (), over: bool = False, network: bool = True
) -> PodFacts:
    return PodFacts(
        init=init,
        main=main,
        ephemeral=(),
        over=over,
        has_network=network,
        address="127.64.16.2" if network else "",
        node_ip="127.64.0.11",
        start_time=NOW,
    )


def condition(told: dict, kind: str) -> dict:
    return next(item for item in told["conditions"] if item["type"] == kind)


@pytest.mark.parametrize(
    ("policy", "main", "over", "expected"),
    [
        ("Always", record(CREATING), False, "Pending"),
        ("Always", record(RUNNING), False, "Running"),
        ("Always", record(ended(0)), False, "Running"),
        ("Always", record(Waiting("CrashLoopBackOff"), last=ended(7)), False, "Running"),
        ("Always", record(Waiting("ImagePullBackOff")), False, "Pending"),
        ("Never", record(ended(0)), False, "Succeeded"),
        ("Never", record(ended(3)), False, "Failed"),
        ("OnFailure", record(ended(3)), False, "Running"),
        ("OnFailure", record(ended(0)), False, "Succeeded"),
        ("Always", record(ended(143)), True, "Failed"),
        ("Always", record(ended(0)), True, "Succeeded"),
        ("Always", record(CREATING), True, "Failed"),
    ],
)
def test_the_phase_follows_the_containers_and_the_restart_policy(policy, main, over, expected):
    assert status(pod(policy), facts(main, over=over), now=NOW)["phase"] == expected


def test_a_ready_pod_has_five_true_conditions_in_the_order_of_a_kubelet():
    told = status(pod(), facts(record(RUNNING, ready=True)), now=NOW)
    assert [(item["type"], item["status"]) for item in told["conditions"]] == [
        ("PodReadyToStartContainers", "True"),
        ("Initialized", "True"),
        ("Ready", "True"),
        ("ContainersReady", "True"),
        ("PodScheduled", "True"),
    ]
    assert all(
        item["observedGeneration"] == 3 and item["lastProbeTime"] is None for item in told["conditions"]
    )


def test_an_unready_container_is_named_in_the_condition():
    ready = condition(status(pod(), facts(record(RUNNING)), now=NOW), "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "ContainersNotReady")
    assert ready["message"] == "containers with unready status: [main]"


def test_a_pod_without_its_address_yet_is_not_ready_to_start_containers():
    told = status(pod(), facts(record(CREATING), network=False), now=NOW)
    assert condition(told, "PodReadyToStartContainers")["status"] == "False"
    assert "podIP" not in told


def test_a_failed_pod_says_so_in_its_conditions():
    told = status(pod("Never"), facts(record(ended(3)), over=True), now=NOW)
    assert condition(told, "Ready")["reason"] == "PodFailed"
    assert condition(told, "PodReadyToStartContainers")["status"] == "False"
    assert "reason" not in condition(told, "Initialized")


def test_a_completed_pod_says_so_in_its_conditions():
    told = status(pod("Never"), facts(record(ended(0)), over=True), now=NOW)
    assert [item.get("reason") for item in told["conditions"]] == [None, *["PodCompleted"] * 3, None]


@pytest.mark.parametrize(
    ("before", "message"),
    [
        ([], 'corresponding condition of pod readiness gate "example.com/ok" does not exist.'),
        (
            [{"type": "example.com/ok", "status": "False"}],
            'the status of pod readiness gate "example.com/ok" is not "True", but False',
        ),
    ],
)
def test_a_closed_readiness_gate_keeps_a_pod_unready(before, message):
    gated = pod(conditions=before)
    gated["spec"]["readinessGates"] = [{"conditionType": "example.com/ok"}]
    told = status(gated, facts(record(RUNNING, ready=True)), now=NOW)
    assert condition(told, "ContainersReady")["status"] == "True"
    assert condition(told, "Ready")["message"] == message


def test_conditions_of_others_stay_as_they_are():
    theirs = {"type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager"}
    told = status(pod(conditions=[theirs]), facts(record(RUNNING, ready=True)), now=NOW)
    assert told["conditions"][-1] == theirs


def test_a_transition_time_changes_only_with_the_status():
    before = [
        {"type": "Initialized", "status": "True", "lastTransitionTime": EARLIER},
        {"type": "Ready", "status": "False", "lastTransitionTime": EARLIER},
    ]
    told = status(pod(conditions=before), facts(record(RUNNING, ready=True)), now=NOW)
    assert condition(told, "Initialized")["lastTransitionTime"] == EARLIER
    assert condition(told, "Ready")["lastTransitionTime"] == NOW


def test_a_pod_waits_for_its_init_containers_by_name():
    init = [record(ended(0), ready=True, name="first"), record(RUNNING, name="second")]
    told = status(pod(), facts(record(Waiting("PodInitializing")), init=init), now=NOW)
    assert told["phase"] == "Pending"
    assert condition(told, "Initialized")["message"] == "containers with incomplete status: [second]"


def test_a_failed_init_container_fails_a_pod_that_does_not_restart():
    told = status(pod("Never"), facts(record(CREATING), init=[record(ended(1), name="first")]), now=NOW)
    assert told["phase"] == "Failed"


def test_the_quality_of_service_class_is_the_servers():
    assert status(pod(), facts(record(RUNNING)), now=NOW)["qosClass"] == "Burstable"


def test_a_container_that_never_ran_has_neither_id_nor_resources():
    told = record(Waiting("ErrImageNeverPull", "absent")).as_status()
    assert told["imageID"] == ""
    assert "containerID" not in told
    assert "resources" not in told


@pytest.mark.parametrize(
    ("policy", "code", "expected"),
    [("Always", 0, True), ("OnFailure", 0, False), ("OnFailure", 1, True), ("Never", 1, False)],
)
def test_the_restart_policy_decides_by_the_exit_code(policy, code, expected):
    assert restarts_after(policy, code) is expected


def test_the_back_off_is_nothing_at_first_and_then_doubles_up_to_its_limit():
    waits, wait = [], -1.0
    for _ in range(8):
        wait = back_off_seconds(wait, first=10, most=300, ran_seconds=1)
        waits.append(wait)
    assert waits == [0, 10, 20, 40, 80, 160, 300, 300]
    assert back_off_seconds(300, first=10, most=300, ran_seconds=600) == 0
