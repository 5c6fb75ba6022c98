"""Leases on a cluster: one run holds a target, renews it, and loses it knowingly."""

import re
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from tests.cluster.workspace import eventually
from windtunnel.clients.lease import hold, lease_name, micro_time
from windtunnel.clock import SystemClock
from windtunnel.model.errors import LeaseHeldError, NotFoundError
from windtunnel.model.experiment import Target
from windtunnel.model.forms import from_stamp

SIX_DIGITS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


@pytest.fixture
def target(own) -> Target:
    """A target that no other run can mean; it need not exist to be held."""
    return Target(namespace=own.namespace, workload="deployment/web")


@pytest.fixture
def lease(cluster, target, product_namespace) -> Callable[[], dict]:
    """Read the lease on the target."""
    return lambda: cluster.get("Lease", lease_name(target), product_namespace)


class OnTheSecond(SystemClock):
    """A clock whose times have no fraction, which Python then leaves out and the API server insists on."""

    def now(self) -> datetime:
        return super().now().replace(microsecond=0)


def test_a_lease_names_its_run_and_is_given_back(own, cluster, target, lease):
    with hold(cluster, target, own.run_id, ttl_s=30) as held:
        found = lease()
        assert found["spec"]["holderIdentity"] == own.run_id == held.holder
        assert found["spec"]["leaseDurationSeconds"] == 30
        assert found["metadata"]["annotations"]["windtunnel.dev/target"] == str(target)
        assert not held.lost.is_set()
    assert held.why == ""
    with pytest.raises(NotFoundError):
        lease()


@pytest.mark.parametrize("clock", [SystemClock(), OnTheSecond()], ids=["any-time", "on-the-second"])
def test_times_have_six_digits_when_taken_and_when_renewed(own, cluster, target, lease, clock):
    with hold(cluster, target, own.run_id, ttl_s=20, renew_s=0.2, clock=clock) as held:
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
        hold(cluster, target, own.run_id, ttl_s=60),
        pytest.raises(LeaseHeldError, match=f"is held by {own.run_id} until") as caught,
        hold(cluster, target, "another-run"),
    ):
        pytest.fail("two runs hold one target")
    assert caught.value.holder == own.run_id
    assert from_stamp(caught.value.until) > SystemClock().now()


def test_other_targets_are_free(own, cluster, target):
    other = Target(namespace=own.namespace, workload="deployment/other")
    with hold(cluster, target, own.run_id), hold(cluster, other, "another-run"):
        pass


@pytest.fixture
def put_lease(cluster, target, product_namespace) -> Callable[..., None]:
    """Put the lease of a run that died there, a minute old, with parts of it changed or left out."""

    def put(**spec) -> None:
        past = micro_time(SystemClock().now() - timedelta(minutes=1))
        whole = {"holderIdentity": "dead-run", "acquireTime": past, "renewTime": past, **spec}
        metadata = {"name": lease_name(target), "annotations": {"windtunnel.dev/target": str(target)}}
        body = {"metadata": metadata, "spec": {key: value for key, value in whole.items() if value}}
        cluster.create("Lease", body, product_namespace)

    return put


@pytest.mark.parametrize("spec", [{"leaseDurationSeconds": 1}, {"holderIdentity": ""}, {}])
def test_a_lease_that_ran_out_or_that_nobody_holds_is_taken_over(cluster, target, lease, put_lease, spec):
    put_lease(**spec)
    with hold(cluster, target, "next-run"):
        assert lease()["spec"]["holderIdentity"] == "next-run"
    with pytest.raises(NotFoundError):
        lease()


def test_of_several_runs_at_once_exactly_one_gets_the_target(own, cluster, target):
    held, refused, started = [], [], threading.Barrier(4)
    settled = threading.Event()

    def attempt(name: str) -> None:
        started.wait()
        try:
            with hold(cluster, target, name, ttl_s=60):
                held.append(name)
                settled.wait(60)
        except LeaseHeldError:
            refused.append(name)

    threads = [threading.Thread(target=attempt, args=(f"run-{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    eventually(lambda: len(held) + len(refused) == 4)
    settled.set()
    for thread in threads:
        thread.join()
    assert (len(held), len(refused)) == (1, 3)


def test_a_lease_that_another_run_takes_is_lost_and_left_to_it(
    own, cluster, target, lease, product_namespace
):
    with hold(cluster, target, own.run_id, ttl_s=30, renew_s=0.2) as held:
        stolen = {"spec": {"holderIdentity": "thief"}}
        cluster.patch_merge("Lease", held.name, product_namespace, patch=stolen)
        assert held.lost.wait(60)
    assert "thief holds it now" in held.why
    assert lease()["spec"]["holderIdentity"] == "thief"


def test_a_lease_that_somebody_deletes_is_lost(own, cluster, target, product_namespace):
    with hold(cluster, target, own.run_id, ttl_s=30, renew_s=0.2) as held:
        cluster.delete("Lease", held.name, product_namespace)
        assert held.lost.wait(60)
    assert "somebody deleted it" in held.why
