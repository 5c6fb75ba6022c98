"""Leases on a real API server: who has a thing, alone or shared, who is refused, and how one is lost."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windtunnel.clients.cluster import Cluster
from windtunnel.clients.holding import confirm, hold
from windtunnel.clients.lease_body import in_the_way, lease_name, micro_time, occupants
from windtunnel.clients.own_namespace import NAMESPACE
from windtunnel.clock import SystemClock
from windtunnel.model.claim import Claim, Role, hits, in_order, node_thing, workload_thing
from windtunnel.model.errors import LeaseHeldError, NotFoundError, UnreachableError

NOW = datetime(2026, 11, 21, 7, 0, tzinfo=UTC)


@pytest.fixture
def claim(namespace) -> Claim:
    return Claim(f"{namespace}/deployment/checkout")


def stored(cluster: Cluster, claim: Claim) -> dict:
    return cluster.get("Lease", lease_name(claim.thing), NAMESPACE)


def put(cluster: Cluster, claim: Claim, **spec) -> None:
    metadata = {"name": lease_name(claim.thing)}
    cluster.create("Lease", {"metadata": metadata, "spec": spec}, NAMESPACE)


def test_a_lease_is_held_inside_the_block_and_gone_after_it(cluster, claim):
    with hold(cluster, [claim], "run-a") as held:
        assert stored(cluster, claim)["spec"]["holderIdentity"] == "run-a"
        assert confirm(cluster, held) == ""
        assert not held.lost.is_set()
    with pytest.raises(NotFoundError):
        stored(cluster, claim)


def test_a_second_run_is_refused_with_the_thing_the_holder_and_until_when(cluster, claim):
    with (
        hold(cluster, [claim], "run-a"),
        pytest.raises(LeaseHeldError, match=r"held by run-a until 20\d\d-.*Z; wait") as error,
        hold(cluster, [claim], "run-b"),
    ):
        pytest.fail("two runs hold one target")
    assert (error.value.holder, error.value.thing) == ("run-a", claim.thing)
    assert error.value.until.endswith("Z")


def test_a_run_that_is_refused_one_thing_keeps_none_of_the_others(cluster, namespace):
    first, second = (Claim(f"{namespace}/deployment/{name}") for name in ("cart", "checkout"))
    with hold(cluster, [second], "run-a"):
        with (
            pytest.raises(LeaseHeldError, match="checkout is held by run-a"),
            hold(cluster, [second, first], "run-b"),
        ):
            pytest.fail("two runs hold one thing")
        with hold(cluster, [first], "run-c"):
            pass


def test_two_runs_may_need_one_thing_but_nobody_may_hit_it(cluster, claim):
    needed = Claim(claim.thing, Role.NEEDED)
    with hold(cluster, [needed], "run-a"), hold(cluster, [needed], "run-b") as second:
        assert {one.run_id for one in occupants(stored(cluster, claim))} == {"run-a", "run-b"}
        assert confirm(cluster, second) == ""
        with (
            pytest.raises(LeaseHeldError, match=r"is needed \(as a dependency\) by run-a until"),
            hold(cluster, [claim], "run-c"),
        ):
            pytest.fail("a thing is hit that others need")
    with hold(cluster, [claim], "run-c"):
        pass


def test_the_one_that_leaves_a_shared_lease_leaves_it_to_the_others(cluster, claim):
    needed = Claim(claim.thing, Role.NEEDED)
    with hold(cluster, [needed], "run-a") as first:
        with hold(cluster, [needed], "run-b"):
            pass
        assert confirm(cluster, first) == ""
        assert [one.run_id for one in occupants(stored(cluster, claim))] == ["run-a"]
    with pytest.raises(NotFoundError):
        stored(cluster, claim)


def test_nobody_may_need_what_another_run_hits(cluster, claim):
    with (
        hold(cluster, [claim], "run-a"),
        pytest.raises(LeaseHeldError, match="held by run-a"),
        hold(cluster, [Claim(claim.thing, Role.NEEDED)], "run-b"),
    ):
        pytest.fail("a dependency is hit")


def test_many_that_share_a_lease_all_renew_it(cluster, claim):
    needed = Claim(claim.thing, Role.NEEDED)
    ready, seen = threading.Barrier(8), []

    def share(run_id: str) -> None:
        with hold(cluster, [needed], run_id, renew_s=0.2) as held:
            ready.wait(30)
            seen.append((confirm(cluster, held), held.lost.is_set()))
            ready.wait(30)

    threads = [threading.Thread(target=share, args=(f"run-{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [("", False)] * 8


def test_a_lease_that_ran_out_is_taken_over(cluster, claim):
    with hold(cluster, [claim], "run-a", renew_s=60):
        old = stored(cluster, claim)
        old["spec"]["renewTime"] = micro_time(SystemClock().now() - timedelta(minutes=5))
        cluster.replace("Lease", old, NAMESPACE)
        with hold(cluster, [claim], "run-b"):
            assert stored(cluster, claim)["spec"]["holderIdentity"] == "run-b"
    with pytest.raises(NotFoundError):
        stored(cluster, claim)


def test_all_leases_are_renewed(cluster, namespace):
    claims = [Claim(f"{namespace}/deployment/{number}") for number in range(12)]
    with hold(cluster, claims, "run-a", renew_s=0.05) as held:
        first = [stored(cluster, claim)["spec"] for claim in claims]

        def renewed() -> bool:
            now = [stored(cluster, claim)["spec"] for claim in claims]
            return all(b["renewTime"] > a["renewTime"] for a, b in zip(first, now, strict=True))

        assert eventually(renewed)
        assert stored(cluster, claims[0])["spec"]["acquireTime"] == first[0]["acquireTime"]
        assert not held.lost.is_set()


def test_all_is_lost_when_somebody_takes_or_deletes_one_lease(cluster, namespace):
    claims = [Claim(f"{namespace}/deployment/{name}") for name in ("cart", "checkout")]
    with hold(cluster, claims, "run-a", renew_s=0.05) as held:
        patch = {"spec": {"holderIdentity": "thief"}}
        cluster.patch_merge("Lease", lease_name(claims[1].thing), NAMESPACE, patch=patch)
        assert held.lost.wait(10)
        assert "thief holds it now" in held.why
        assert "thief holds it now" in confirm(cluster, held)
    assert stored(cluster, claims[1])["spec"]["holderIdentity"] == "thief"  # not ours to give back
    cluster.delete("Lease", lease_name(claims[1].thing), NAMESPACE)
    with pytest.raises(NotFoundError):
        stored(cluster, claims[0])


class Cut(Cluster):
    """A cluster whose reads can be cut off."""

    cut = False

    def within(self, _timeouts):
        return self

    def get(self, *args, **more):
        if self.cut:
            msg = "silence"
            raise UnreachableError(msg)
        return super().get(*args, **more)


def test_a_lease_that_cannot_be_renewed_is_lost_before_it_runs_out(cluster, claim):
    asked = Cut(cluster._connection)
    with hold(asked, [claim], "run-a", ttl_s=0.4, renew_s=0.05) as held:
        asked.cut = True
        assert held.lost.wait(10)
        assert "could not be renewed in time: silence" in held.why
        with pytest.raises(UnreachableError):
            confirm(asked, held)
        asked.cut = False


@pytest.mark.parametrize(
    "spec", [{"holderIdentity": "x"}, {"holderIdentity": "x", "renewTime": micro_time(NOW)}]
)
def test_a_lease_without_readable_times_is_held_and_it_is_said_how_to_remove_it(cluster, claim, spec):
    put(cluster, claim, **spec)
    name = lease_name(claim.thing)
    with (
        pytest.raises(LeaseHeldError, match=f"by x, .*`kubectl delete lease {name} -n windtunnel`") as error,
        hold(cluster, [claim], "run-b"),
    ):
        pytest.fail("a lease that cannot be read is free")
    assert error.value.until == ""
    cluster.delete("Lease", name, NAMESPACE)


def test_a_lease_that_names_nobody_is_free(cluster, claim):
    put(cluster, claim, leaseDurationSeconds=60, renewTime=micro_time(SystemClock().now()))
    with hold(cluster, [claim], "run-b"):
        assert stored(cluster, claim)["spec"]["holderIdentity"] == "run-b"


@pytest.mark.parametrize("text", ["not json", "[1]", '{"run-a": "soon"}'])
def test_a_list_of_those_who_need_a_thing_that_cannot_be_read_is_in_the_way(text):
    lease = {"metadata": {"annotations": {"windtunnel.dev/needed-by": text}}}
    for role in Role:
        assert in_the_way(lease, Claim("x", role), "run-b", NOW) is not None


def test_micro_time_always_has_six_digits():
    assert micro_time(NOW) == "2026-11-21T07:00:00.000000Z"


things = st.sampled_from(["a/deployment/x", "a/deployment/y", "b/pod/z", "node/n1", "node/n2"])
claims = st.lists(st.builds(Claim, things, st.sampled_from(Role)))


@given(mine=claims, theirs=claims)
def test_two_runs_meet_first_at_the_same_thing(mine, theirs):
    first = [
        next((claim.thing for claim in in_order(one) if claim.thing in {c.thing for c in other}), None)
        for one, other in ((mine, theirs), (theirs, mine))
    ]
    assert first[0] == first[1]


@given(mine=claims)
def test_each_thing_is_claimed_once_and_as_strongly_as_anything_claims_it(mine):
    found = in_order(mine)
    assert {claim.thing for claim in found} == {claim.thing for claim in mine}
    assert len({claim.thing for claim in found}) == len(found)
    assert hits(found) == hits(mine)
    assert all(claim.role == min(c.role for c in mine if c.thing == claim.thing) for claim in found)


def test_things_of_different_kinds_have_different_names_and_leases():
    found = [node_thing("a"), workload_thing("node", "deployment/a"), workload_thing("a", "Pod/b")]
    assert found == ["node/a", "node/deployment/a", "a/pod/b"]
    assert len({lease_name(thing) for thing in found}) == 3


def eventually(condition) -> bool:
    pause = threading.Event()
    return any(condition() or pause.wait(0.02) for _ in range(500))
