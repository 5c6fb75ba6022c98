"""Deployments decided: sizes of old and new sets at each step, conditions, revisions."""

import pytest

from infra.lab.controllers.deployment import Sets, next_steps
from infra.lab.controllers.deployment_rollout import initial_size
from infra.lab.controllers.deployment_sets import (
    REVISION,
    REVISION_HISTORY,
    current_set,
    limits,
    new_set,
    set_annotations,
    to_forget,
)
from infra.lab.controllers.deployment_status import Milestone, seconds_left, status_of


def sizes(steps):
    return {step.replica_set["metadata"]["name"]: step.replicas for step in steps}


def condition(status, kind):
    return next(one for one in status["conditions"] if one["type"] == kind)


def rolling(surge, unavailable):
    return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable", "expected"),
    [
        (3, "25%", "25%", (1, 0)),
        (10, "25%", "25%", (3, 2)),
        (4, 0, 0, (0, 1)),
        (1, 5, "100%", (5, 1)),
        (3, 1, 9, (1, 3)),
    ],
)
def test_percentages_round_up_for_the_surge_and_down_for_the_missing(
    make, replicas, surge, unavailable, expected
):
    assert limits(make.deployment("web", replicas, strategy=rolling(surge, unavailable))) == expected


def walk(make, replicas, strategy):
    """Play a rollout in which every pod becomes available; the sizes after each step."""
    deployment = make.deployment("web", replicas, strategy=strategy)
    old, new = replicas, 0
    seen = []
    for _ in range(100):
        sets = Sets(make.replica_set("new", new), (make.replica_set("old", old),))
        found = sizes(next_steps(deployment, sets, pods_left=bool(old)))
        if not found:
            return seen
        new, old = found.get("new", new), found.get("old", old)
        seen.append((new, old))
    pytest.fail(f"no end: {seen[-3:]}")


@pytest.mark.parametrize("replicas", [1, 2, 3, 10, 37])
@pytest.mark.parametrize(("surge", "unavailable"), [("25%", "25%"), (1, 0), (0, 1), ("100%", 0), (0, "50%")])
def test_a_rolling_update_ends_and_keeps_its_bounds_on_the_way(make, replicas, surge, unavailable):
    most, missing = limits(make.deployment("web", replicas, strategy=rolling(surge, unavailable)))
    seen = walk(make, replicas, rolling(surge, unavailable))
    assert seen[-1] == (replicas, 0)
    for new, old in seen:
        assert replicas - missing <= new + old <= replicas + most


def test_unhealthy_old_pods_go_first_and_healthy_ones_stay_while_new_ones_are_not_ready(make):
    deployment = make.deployment("web", 4, strategy=rolling(1, 1))
    old, new = make.replica_set("old", 4, available=3), make.replica_set("new", 1, available=0)
    assert sizes(next_steps(deployment, Sets(new, (old,)), pods_left=True)) == {"old": 3}
    old = make.replica_set("old", 3)
    new = make.replica_set("new", 2, available=0)
    assert next_steps(deployment, Sets(new, (old,)), pods_left=True) == []


def test_a_recreation_waits_until_the_last_old_pod_is_gone(make):
    deployment = make.deployment("web", 3, strategy={"type": "Recreate"})
    new = make.replica_set("new", 0)
    assert sizes(next_steps(deployment, Sets(new, (make.replica_set("old", 3),)), pods_left=True)) == {
        "old": 0
    }
    emptied = (make.replica_set("old", 0),)
    assert next_steps(deployment, Sets(new, emptied), pods_left=True) == []
    assert sizes(next_steps(deployment, Sets(new, emptied), pods_left=False)) == {"new": 3}


def test_a_change_of_size_in_mid_rollout_is_shared_in_proportion(make):
    deployment = make.deployment("web", 20, strategy=rolling(0, 5))
    remembered = {
        "deployment.kubernetes.io/desired-replicas": "10",
        "deployment.kubernetes.io/max-replicas": "10",
    }
    old = make.replica_set("old", 6, annotations=remembered)
    new = make.replica_set("new", 4, annotations=remembered)
    assert sizes(next_steps(deployment, Sets(new, (old,)), pods_left=True)) == {"old": 12, "new": 8}


def test_a_paused_deployment_scales_but_does_not_roll(make):
    deployment = make.deployment("web", 5, paused=True)
    old = make.replica_set("old", 3)
    assert sizes(next_steps(deployment, Sets(None, (old,)), pods_left=True)) == {"old": 5}
    settled = make.replica_set(
        "old",
        5,
        annotations={
            "deployment.kubernetes.io/desired-replicas": "5",
            "deployment.kubernetes.io/max-replicas": "7",
        },
    )
    assert next_steps(deployment, Sets(None, (settled,)), pods_left=True) == []


def test_a_new_set_starts_within_the_surge(make):
    assert initial_size(make.deployment("web", 4, strategy=rolling(1, 0)), [make.replica_set("old", 4)]) == 1
    assert initial_size(make.deployment("web", 4), []) == 4


def test_the_current_set_is_the_one_with_the_same_template_whatever_its_hash(make):
    deployment = make.deployment("web", 1)
    body = new_set(deployment, 1, revision=1, hashed="abc")
    assert body["metadata"]["name"] == "web-abc"
    assert body["spec"]["selector"]["matchLabels"] == {"app": "web", "pod-template-hash": "abc"}
    other = make.replica_set("web-old", 1, spec=make.selecting("older"))
    assert current_set(deployment, [other, body]) is body
    assert current_set(deployment, [other]) is None


def test_a_rollback_gives_the_old_set_a_new_revision_and_a_history(make):
    annotations = set_annotations(make.deployment("web", 1), make.replica_set("web-a", 0, revision=1), 3)
    assert (annotations[REVISION], annotations[REVISION_HISTORY]) == ("3", "1")


def test_only_empty_sets_beyond_the_limit_are_forgotten(make):
    deployment = make.deployment("web", 1, revisionHistoryLimit=1)
    old = [
        make.replica_set("a", 0, revision=1),
        make.replica_set("b", 2, revision=2),
        make.replica_set("c", 0, revision=3),
    ]
    assert [one["metadata"]["name"] for one in to_forget(deployment, old)] == ["a", "c"]


def test_an_available_deployment_leaves_zero_counts_out(make):
    status = status_of(make.deployment("web", 0), make.replica_set("web-a", 0), [], make.now)
    assert {name for name in status if name.endswith("eplicas")} == {"terminatingReplicas"}
    assert condition(status, "Available")["reason"] == "MinimumReplicasAvailable"
    assert condition(status, "Progressing")["reason"] == "NewReplicaSetAvailable"


def test_a_rollout_without_progress_is_stuck_after_its_deadline_and_still_available(make):
    started = status_of(
        make.deployment("web", 2, progressDeadlineSeconds=3),
        make.replica_set("new", 1, available=0),
        [make.replica_set("old", 2)],
        make.now,
        milestone=Milestone("NewReplicaSetCreated", "Created"),
    )
    deployment = make.deployment("web", 2, progressDeadlineSeconds=3, status=started)
    progressing = condition(started, "Progressing")
    assert seconds_left(deployment, progressing, make.now) == 3
    later = make.now.replace(second=4)
    new, old = make.replica_set("new", 1, available=0), [make.replica_set("old", 2)]
    status = status_of(deployment, new, old, later)
    assert condition(status, "Progressing")["reason"] == "ProgressDeadlineExceeded"
    assert condition(status, "Progressing")["status"] == "False"
    assert condition(status, "Available")["status"] == "True"
    assert status["unavailableReplicas"] == 1


def test_conditions_of_others_survive(make):
    theirs = {"type": "Theirs", "status": "True"}
    deployment = make.deployment("web", 1, status={"conditions": [theirs]})
    assert theirs in status_of(deployment, make.replica_set("a", 1), [], make.now)["conditions"]


def test_pausing_makes_the_progress_unknown_and_resuming_starts_the_clock_again(make):
    paused = status_of(make.deployment("web", 1, paused=True), make.replica_set("a", 1), [], make.now)
    assert condition(paused, "Progressing")["reason"] == "DeploymentPaused"
    resumed = make.deployment("web", 2, status=paused)
    again = status_of(resumed, make.replica_set("a", 1), [], make.now)
    assert condition(again, "Progressing")["reason"] in {"DeploymentResumed", "ReplicaSetUpdated"}
