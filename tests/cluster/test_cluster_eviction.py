"""Evictions on a cluster: a disruption budget is respected, and asked again until it gives way."""

import threading
from collections.abc import Callable

import pytest

from tests.cluster.watching import watching
from tests.cluster.workspace import Workspace, eventually
from windtunnel.clock import SystemClock
from windtunnel.faults.evictions import Evictions
from windtunnel.model.errors import ConflictError, FaultError, NotFoundError, RefusedError
from windtunnel.model.ticket import ObjectRef


@pytest.fixture
def budget(workspace):
    """Make a budget over the pods of `web`, and wait until the cluster counts with it."""

    def make(name: str = "web", *, needed: int = 2, allowed: int = 0) -> None:
        selector = {"matchLabels": {"app": "web"}}
        workspace.create(
            "PodDisruptionBudget", name, {"spec": {"minAvailable": needed, "selector": selector}}
        )
        wait_until_allowed(workspace, name, allowed)

    return make


def wait_until_allowed(workspace: Workspace, name: str, number: int) -> None:
    def counted() -> bool:
        found = workspace.cluster.get("PodDisruptionBudget", name, workspace.namespace)
        status = found.get("status") or {}
        current = status.get("observedGeneration") == found["metadata"]["generation"]
        return current and (status.get("expectedPods"), status.get("disruptionsAllowed")) == (2, number)

    eventually(counted)


@pytest.fixture
def evictions(cluster) -> Callable[..., Evictions]:
    """Begin the evictions of a drain."""

    def begin(clock: SystemClock | None = None, *, within_s: float = 60.0) -> Evictions:
        times = clock or SystemClock()
        until = times.monotonic() + within_s
        return Evictions(cluster, times, until=until, stop=threading.Event(), grace_s=1)

    return begin


def ref_of_a_pod(workspace: Workspace) -> ObjectRef:
    pod = workspace.pods()[0]
    return ObjectRef("Pod", pod.name, pod.namespace, pod.uid)


def failed(why: str) -> FaultError:
    return FaultError(why)


def test_an_eviction_that_a_budget_forbids_is_refused_in_its_words(workspace, cluster, budget):
    workspace.deploy()
    budget()
    pod = ref_of_a_pod(workspace)
    with pytest.raises(RefusedError, match="disruption budget web needs 2 healthy pods and has 2") as caught:
        cluster.evict(pod.name, workspace.namespace, uid=pod.uid)
    assert caught.value.status == 429
    assert pod.uid in workspace.uids()


def test_an_eviction_waits_for_the_budget_and_then_proceeds(workspace, cluster, budget, evictions):
    workspace.deploy()
    budget()
    pod = ref_of_a_pod(workspace)

    class Loosening(SystemClock):
        """Gives way at the first pause, which is made only after a refusal."""

        pauses = 0

        def wait(self, seconds: float, until: threading.Event | None = None) -> bool:
            self.pauses += 1
            if self.pauses == 1:
                assert pod.uid in workspace.uids()
                patch = {"spec": {"minAvailable": 1}}
                cluster.patch_merge("PodDisruptionBudget", "web", workspace.namespace, patch=patch)
                wait_until_allowed(workspace, "web", 1)
            return super().wait(seconds, until)

    clock = Loosening()
    evicting = evictions(clock)
    evicting.evict([pod], failed)
    assert clock.pauses >= 1
    assert (evicting.accepted, evicting.missed) == ([pod], [])
    eventually(lambda: gone(workspace, pod))
    eventually(lambda: len(workspace.uids() - {pod.uid}) == 2)


def gone(workspace: Workspace, pod: ObjectRef) -> bool:
    try:
        found = workspace.cluster.get("Pod", pod.name, workspace.namespace)
    except NotFoundError:
        return True
    return found["metadata"]["uid"] != pod.uid


def test_of_two_evictions_a_budget_for_one_lets_one_through_at_a_time(workspace, cluster, budget, evictions):
    workspace.deploy()
    budget(needed=1, allowed=1)
    pods = [ObjectRef("Pod", pod.name, pod.namespace, pod.uid) for pod in workspace.pods()]
    evicting = evictions()
    evicting.evict(pods, failed)
    assert sorted(map(str, evicting.accepted)) == sorted(map(str, pods))
    eventually(lambda: all(gone(workspace, pod) for pod in pods))
    eventually(lambda: len(workspace.uids()) == 2)


def test_a_budget_that_never_gives_way_ends_in_an_error_and_nothing_is_evicted(workspace, budget, evictions):
    workspace.deploy()
    budget()
    before, evicting = workspace.uids(), evictions(within_s=0.5)
    with pytest.raises(
        FaultError, match=r"the time is up, and 1 pods may not go: pod/web-.*budget web needs"
    ):
        evicting.evict([ref_of_a_pod(workspace)], failed)
    assert evicting.accepted == []
    assert workspace.uids() == before


def test_two_budgets_over_one_pod_are_named(workspace, budget, evictions):
    workspace.deploy()
    budget("web", needed=1, allowed=1)
    budget("also", needed=1, allowed=1)
    evicting = evictions()
    with pytest.raises(FaultError, match=r"500 .*the disruption budgets over it: also, web"):
        evicting.evict([ref_of_a_pod(workspace)], failed)
    assert evicting.accepted == []


def test_an_evicted_pod_gets_its_grace_period_and_is_replaced(workspace, cluster):
    workspace.deploy()
    pod = ref_of_a_pod(workspace)
    with watching(cluster, "Pod", workspace.namespace) as seen:
        seen.wait_for("ADDED", pod.name)
        cluster.evict(pod.name, workspace.namespace, uid=pod.uid, grace_s=2)
        seen.wait_for("DELETED", pod.name)
    graces = [item["metadata"].get("deletionGracePeriodSeconds") for _, item in seen.events]
    assert 2 in graces
    eventually(lambda: len(workspace.uids() - {pod.uid}) == 2)


def test_a_namesake_is_not_evicted(workspace, cluster, evictions):
    workspace.deploy(replicas=1)
    pod = ref_of_a_pod(workspace)
    stale = ObjectRef("Pod", pod.name, pod.namespace, "00000000-0000-0000-0000-000000000000")
    with pytest.raises(ConflictError):
        cluster.evict(stale.name, stale.namespace, uid=stale.uid)
    evicting = evictions()
    evicting.evict([stale], failed)
    assert (evicting.accepted, evicting.missed) == ([], [f"{stale} was gone already"])
    assert workspace.uids() == {pod.uid}


def test_a_pod_that_is_gone_needs_no_eviction(workspace, cluster, evictions):
    with pytest.raises(NotFoundError, match="evicting pod/absent"):
        cluster.evict("absent", workspace.namespace)
    evicting = evictions()
    evicting.evict([ObjectRef("Pod", "absent", workspace.namespace, "0")], failed)
    assert evicting.accepted == []
