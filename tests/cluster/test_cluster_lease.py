"""Leases on a cluster: one run holds a target, renews it, and loses it knowingly."""

import re
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from tests.cluster.workspace import eventually
from windtunnel.clients.holding import hold
from windtunnel.clients.lease_body import lease_name, micro_time, occupants
from windtunnel.clock import SystemClock
from windtunnel.model.claim import Claim, Role, node_thing
from windtunnel.model.errors import LeaseHeldError, NotFoundError
from windtunnel.model.forms import from_stamp

SIX_DIGITS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


RUNS_AT_ONCE = 50
THINGS_OF_A_DRAIN = 61  # a node with 60 workloads


@pytest.fixture
def target(own) -> Claim:
    """A thing that no other run can mean; it need not exist to be held."""
    return Claim(f"{own.namespace}/deployment/web")


@pytest.fixture
def lease(cluster, target, product_namespace) -> Callable[[], dict]:
    """Read the lease on the target."""
    return lambda: cluster.get("Lease", lease_name(target.thing), product_namespace)


class OnTheSecond(SystemClock):
    """A clock whose times have no fraction, which Python then leaves out and the API server insists on."""

    def now(self) -> datetime:
        return super().now().replace(microsecond=0)


def test_a_lease_names_its_run_and_is_given_back(own, cluster, target, lease):
    with hold(cluster, [target], own.run_id, ttl_s=30) as held:
        found = lease()
        assert found["spec"]["holderIdentity"] == own.run_id == held.holder
        assert found["spec"]["leaseDurationSeconds"] == 30
        assert found["metadata"]["annotations"]["windtunnel.dev/thing"] == target.thing
        assert not held.lost.is_set()
    assert held.why == ""
    with pytest.raises(NotFoundError):
        lease()


@pytest.mark.parametrize("clock", [SystemClock(), OnTheSecond()], ids=["any-time", "on-the-second"])
def test_times_have_six_digits_when_taken_and_when_renewed(own, cluster, target, lease, clock):
    with hold(cluster, [target], own.run_id, ttl_s=20, renew_s=0.2, clock=clock) as held:
        taken = lease()["spec"]
        renewed = eventually(lambda: later(taken, lease()["spec"]))
        assert not held.lost.is_set()
    for spec in (taken, renewed):
        assert SIX_DIGITS.fullmatch(spec["renewTime"])
        assert SIX_DIGITS.fullmatch(spec["acquireTime"])
    assert renewed["acquireTime"] == taken["acquireTime"]


def later(taken: dict, now: dict) -> dict | None:
    return now if from_stamp(now["renewTime"]) > from_stamp(taken["renewTime"]) else None


def test_a_held_target_is_refused_and_the_holder_named(own, cluster, target, lease):
    with (
        hold(cluster, [target], own.run_id, ttl_s=60),
        pytest.raises(LeaseHeldError, match=f"is held by {own.run_id} until") as caught,
        hold(cluster, [target], "another-run"),
    ):
        pytest.fail("two runs hold one target")
    assert caught.value.holder == own.run_id
    assert from_stamp(caught.value.until) > SystemClock().now()


def test_other_targets_are_free(own, cluster, target):
    other = Claim(f"{own.namespace}/deployment/other")
    with hold(cluster, [target], own.run_id) as mine, hold(cluster, [other], "another-run") as theirs:
        assert not mine.lost.is_set()
        assert not theirs.lost.is_set()


@pytest.fixture
def put_lease(cluster, target, product_namespace) -> Callable[..., None]:
    """Put the lease of a run that died there, a minute old, with parts of it changed or left out."""

    def put(**spec) -> None:
        past = micro_time(SystemClock().now() - timedelta(minutes=1))
        whole = {"holderIdentity": "dead-run", "acquireTime": past, "renewTime": past, **spec}
        metadata = {"name": lease_name(target.thing), "annotations": {"windtunnel.dev/thing": target.thing}}
        body = {"metadata": metadata, "spec": {key: value for key, value in whole.items() if value}}
        cluster.create("Lease", body, product_namespace)

    return put


@pytest.mark.parametrize("spec", [{"leaseDurationSeconds": 1}, {"holderIdentity": ""}])
def test_a_lease_that_ran_out_or_that_nobody_holds_is_taken_over(cluster, target, lease, put_lease, spec):
    put_lease(**spec)
    with hold(cluster, [target], "next-run"):
        assert lease()["spec"]["holderIdentity"] == "next-run"
    with pytest.raises(NotFoundError):
        lease()


def test_a_lease_without_readable_times_stays_with_the_run_that_it_names(cluster, target, put_lease):
    put_lease(renewTime="", acquireTime="")
    with (
        pytest.raises(LeaseHeldError, match=r"by dead-run, .*`kubectl delete lease "),
        hold(cluster, [target], "next-run"),
    ):
        pytest.fail("nobody can say that it is free")


@pytest.mark.parametrize("others", [[], ["deployment/api", "deployment/zoo"]], ids=["alone", "with-others"])
def test_of_fifty_runs_at_once_exactly_one_gets_the_target_and_the_others_name_it(
    own, cluster, target, others
):
    claims = [target, *(Claim(f"{own.namespace}/{name}") for name in others)]
    held, refused, started = [], [], threading.Barrier(RUNS_AT_ONCE)
    settled = threading.Event()

    def attempt(name: str) -> None:
        started.wait(60)
        try:
            with hold(cluster, claims, name, ttl_s=60):
                held.append(name)
                settled.wait(120)
        except LeaseHeldError as error:
            refused.append(error.holder)

    threads = [threading.Thread(target=attempt, args=(f"run-{n}",)) for n in range(RUNS_AT_ONCE)]
    for thread in threads:
        thread.start()
    eventually(lambda: len(held) + len(refused) == RUNS_AT_ONCE, within_s=120)
    settled.set()
    for thread in threads:
        thread.join()
    assert len(held) == 1
    assert refused == held * (RUNS_AT_ONCE - 1)


def test_runs_that_need_one_thing_share_it_and_keep_others_off(own, cluster, target, lease):
    needed = Claim(target.thing, Role.NEEDED)
    with hold(cluster, [needed], "run-a", renew_s=0.2) as first, hold(cluster, [needed], "run-b"):
        shared = occupants(lease())
        assert {one.run_id for one in shared} == {"run-a", "run-b"}
        eventually(lambda: occupants(lease()) != shared)  # renewed
        with pytest.raises(LeaseHeldError, match="is needed"), hold(cluster, [target], own.run_id):
            pytest.fail("a thing is hit that others need")
        assert not first.lost.is_set()
    with pytest.raises(NotFoundError):
        lease()


def test_all_things_of_a_drain_are_held_and_renewed(own, cluster, product_namespace):
    claims = [Claim(f"{own.namespace}/deployment/web-{n}") for n in range(THINGS_OF_A_DRAIN - 1)]
    claims.append(Claim(node_thing(f"{own.namespace}-node")))

    def times() -> dict[str, str]:
        names = {lease_name(claim.thing) for claim in claims}
        found = {one["metadata"]["name"]: one["spec"] for one in cluster.list("Lease", product_namespace)}
        return {name: found[name]["renewTime"] for name in names & found.keys()}

    with hold(cluster, claims, own.run_id, renew_s=1.0) as held:
        taken = times()
        assert len(taken) == THINGS_OF_A_DRAIN
        eventually(lambda: all(now > taken[name] for name, now in times().items()))
        assert not held.lost.is_set()
    assert times() == {}


def test_a_lease_that_another_run_takes_is_lost_and_left_to_it(
    own, cluster, target, lease, product_namespace
):
    with hold(cluster, [target], own.run_id, ttl_s=30, renew_s=0.2) as held:
        stolen = {"spec": {"holderIdentity": "thief"}}
        cluster.patch_merge("Lease", held.leases[0].name, product_namespace, patch=stolen)
        assert held.lost.wait(60)
    assert "thief holds it now" in held.why
    assert lease()["spec"]["holderIdentity"] == "thief"


def test_a_lease_that_somebody_deletes_is_lost(own, cluster, target, product_namespace):
    with hold(cluster, [target], own.run_id, ttl_s=30, renew_s=0.2) as held:
        cluster.delete("Lease", held.leases[0].name, product_namespace)
        assert held.lost.wait(60)
    assert "somebody deleted it" in held.why
