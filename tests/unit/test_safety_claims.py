"""What a run claims on a cluster, who is in its way there, and how it is counted, against an API server."""

import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest

from guardrails.neighbours import Neighbours
from tasks.claims import claims_of
from tasks.history_facts import count, past, uncount
from tasks.neighbour_facts import neighbours
from tasks.planning import Plan
from tests.unit.guardrail_start import EXPERIMENT
from windtunnel.clients import history, tickets
from windtunnel.clients.holding import hold
from windtunnel.clients.own_namespace import NAMESPACE
from windtunnel.clock import SystemClock
from windtunnel.faults import load_fault
from windtunnel.model.claim import Claim, Role, hits, node_thing
from windtunnel.model.errors import ClusterError, ConflictError, NotFoundError, TargetError
from windtunnel.model.experiment import Target
from windtunnel.model.history import History, PastRun
from windtunnel.model.policy import Caps, Policy

HIT, HOME, NEEDED = Role.HIT, Role.HOME, Role.NEEDED


@pytest.fixture
def run(cluster, plan):
    """Give a run that has planned its faults on a target, and that may be asked anything."""

    def planned(target, *faults, policy=None, run_id="run-x", **changes):
        plans = tuple(
            Plan(load_fault(name), replace(plan(load_fault(name), target, **parameters), run_id=run_id))
            for name, parameters in faults
        )
        live = SimpleNamespace(
            run_id=run_id,
            cluster=cluster,
            clock=SystemClock(),
            plans=plans,
            experiment=replace(EXPERIMENT, target=target, **changes),
            policy=policy or Policy(),
            log=SimpleNamespace(warning=lambda *_: None),
        )
        live.claims = claims_of(live)
        return live

    return planned


@pytest.fixture
def checkout(namespace, make_deployment) -> Target:
    make_deployment(namespace)
    return Target(namespace=namespace, workload="deployment/checkout")


@pytest.fixture
def nodes(namespace, make_node):
    """Make two nodes, and give their names."""
    names = [f"{namespace}-{letter}" for letter in "ab"]
    for name in names:
        make_node(name, pool=namespace)
    return names


@pytest.fixture
def no_history(cluster):
    """Let nothing have happened on the cluster, before and after."""

    def forget() -> None:
        try:
            cluster.delete("ConfigMap", history.NAME, NAMESPACE)
        except NotFoundError:
            return

    forget()
    yield
    forget()


def of(live) -> dict[str, Role]:
    return {claim.thing: claim.role for claim in live.claims}


def test_a_workload_is_one_thing_however_it_is_named(run, namespace, checkout):
    thing = f"{namespace}/deployment/checkout"
    by_name = run(checkout, ("deployment-scale", {"by": 1}))
    by_selector = run(Target(namespace=namespace, selector="app=checkout"), ("pod-delete", {"count": 1}))
    assert of(by_name) == of(by_selector) == {thing: HIT}


def test_every_workload_behind_a_selector_is_claimed(run, namespace, checkout, make_deployment):
    make_deployment(namespace, "cart", replicas=1)
    target = Target(namespace=namespace, selector="app in (cart, checkout)")
    found = of(run(target, ("pod-delete", {"count": 1})))
    assert found == {f"{namespace}/deployment/{name}": HIT for name in ("cart", "checkout")}


@pytest.fixture
def pod_on(cluster, namespace, checkout, make_pod):
    """Put one more pod of checkout on a node."""
    uid = cluster.get("ReplicaSet", "checkout-1", namespace)["metadata"]["uid"]
    owner = {"kind": "ReplicaSet", "name": "checkout-1", "uid": uid}
    return lambda name, node: make_pod(namespace, name, owner=owner, node=node)


def test_the_homes_of_the_pods_that_are_hit_are_claimed_and_no_others(run, namespace, nodes, pod_on):
    homes = {f"pod-{node}": node for node in nodes}
    for name, node in homes.items():
        pod_on(name, node)
    live = run(Target(namespace=namespace, workload="deployment/checkout"), ("pod-delete", {"count": 2}))
    hit = {homes.get(victim.name) for victim in live.plans[0].ticket.targets} - {None}
    found = of(live)
    assert found.pop(f"{namespace}/deployment/checkout") is HIT
    assert found == {node_thing(name): HOME for name in hit}
    assert hits(live.claims) == {f"{namespace}/deployment/checkout"}


def test_a_drained_node_and_what_leaves_it_are_claimed(run, namespace, nodes, pod_on, make_pod):
    pod_on("leaves", nodes[0])
    make_pod(namespace, "lonely", node=nodes[0])
    live = run(Target(nodes=f"node/{nodes[0]}"), ("node-drain", {"force": True}))
    things = [f"{namespace}/deployment/checkout", f"{namespace}/pod/lonely", node_thing(nodes[0])]
    assert of(live) == dict.fromkeys(things, HIT)


def test_dependencies_are_needed_and_not_hit(run, namespace, checkout, make_deployment):
    make_deployment(namespace, "catalog", replicas=0)
    needs = f"{namespace}/deployment/catalog"
    live = run(checkout, ("deployment-scale", {"by": 1}), dependencies=(needs,))
    assert of(live)[needs] is NEEDED
    assert needs not in hits(live.claims)


def test_a_dependency_that_is_hit_itself_is_hit(run, namespace, checkout):
    target = Target(namespace=namespace, selector="app=checkout")
    thing = f"{namespace}/deployment/checkout"
    assert of(run(target, ("pod-delete", {"count": 1}), dependencies=(thing,))) == {thing: HIT}


@pytest.mark.parametrize("where", ["", "nowhere"])
def test_a_dependency_that_is_not_there_is_an_error(run, namespace, checkout, where):
    with pytest.raises(TargetError, match=r"dependency deployment/ghost does not exist in .*check dep"):
        run(checkout, dependencies=(f"{where or namespace}/deployment/ghost",))


# --- neighbours


def test_a_run_is_not_its_own_neighbour_for_its_leases(run, cluster, checkout):
    live = run(checkout, ("deployment-scale", {"by": 1}))
    with hold(cluster, live.claims, live.run_id):
        assert neighbours(live, Policy()) == Neighbours()


def test_a_ticket_left_by_an_earlier_try_of_the_same_run_is_a_neighbour(run, cluster, checkout):
    live = run(checkout, ("deployment-scale", {"by": 1}))
    tickets.write(cluster, live.plans[0].ticket, things=hits(live.claims))
    (found,) = neighbours(live, Policy()).found
    assert found.run_id == live.run_id
    assert "still open" in found.doing
    tickets.delete(cluster, live.plans[0].ticket)


def test_a_lease_on_a_thing_is_a_neighbour_and_on_another_is_not(run, namespace, cluster, checkout):
    live = run(checkout, ("deployment-scale", {"by": 1}))
    thing = f"{namespace}/deployment/checkout"
    with hold(cluster, [Claim(f"{namespace}/deployment/cart")], "run-b"):
        assert neighbours(live, Policy()) == Neighbours()
    with hold(cluster, [Claim(thing)], "run-b"):
        (found,) = neighbours(live, Policy()).found
    assert (found.thing, found.run_id) == (thing, "run-b")
    assert found.doing.startswith("is held by run-b until")
    assert found.until is not None


def test_a_dependency_of_another_run_has_it_as_its_neighbour(run, namespace, cluster, checkout):
    live = run(checkout, ("deployment-scale", {"by": 1}))
    with hold(cluster, [Claim(f"{namespace}/deployment/checkout", NEEDED)], "run-b"):
        (found,) = neighbours(live, Policy()).found
    assert found.doing.startswith("is needed (as a dependency) by run-b until")


def test_what_a_run_that_died_has_not_undone_is_a_neighbour(run, cluster, checkout):
    dead = run(checkout, ("deployment-scale", {"by": 1}), run_id="run-dead")
    ticket = dead.plans[0].ticket
    tickets.write(cluster, ticket, state="failed", things=hits(dead.claims))
    (found,) = neighbours(run(checkout, ("pod-delete", {"count": 1})), Policy()).found
    assert found.doing == f"was hit by run-dead, whose undo ticket {ticket.id} is still open (failed)"
    assert found.until is None
    tickets.delete(cluster, ticket)


def test_an_open_ticket_that_names_no_things_is_about_what_its_targets_are(run, cluster, checkout):
    dead = run(checkout, ("deployment-scale", {"by": 1}), run_id="run-dead")
    tickets.write(cluster, dead.plans[0].ticket)
    assert len(neighbours(run(checkout, ("pod-delete", {"count": 1})), Policy()).found) == 1
    tickets.delete(cluster, dead.plans[0].ticket)


# --- how often


pytestmark = pytest.mark.usefixtures("no_history")
ONE_A_DAY = Policy(caps=Caps(runs_per_day=1))


def test_a_run_is_counted_on_the_cluster_with_what_it_hits(run, cluster, namespace, checkout):
    live = run(checkout, ("deployment-scale", {"by": 1}))
    assert count(live) == ()
    (known,) = history.read(cluster).runs
    assert (known.run_id, known.hit) == ("run-x", {f"{namespace}/deployment/checkout"})


def test_what_is_counted_is_seen_by_the_next_run_alone(run, checkout):
    first = run(checkout, ("deployment-scale", {"by": 1}), policy=ONE_A_DAY, run_id="run-a")
    second = run(checkout, ("deployment-scale", {"by": 1}), policy=ONE_A_DAY, run_id="run-b")
    count(first)
    assert past(first, ONE_A_DAY).history.runs == ()
    assert [known.run_id for known in past(second, ONE_A_DAY).history.runs] == ["run-a"]
    assert past(second, ONE_A_DAY).hit == hits(second.claims)


def test_a_policy_without_limits_reads_nothing():
    assert past(SimpleNamespace(), Policy()).history == History()


def test_a_run_that_is_refused_is_not_counted(run, cluster, checkout):
    for run_id in ("run-a", "run-b"):
        live = run(checkout, ("deployment-scale", {"by": 1}), policy=ONE_A_DAY, run_id=run_id)
        against = count(live)
    assert "would be run 2" in against[0].reason
    assert [known.run_id for known in history.read(cluster).runs] == ["run-a"]


def test_every_layer_of_policy_limits_the_count(run, checkout):
    layered = Policy(ceiling=ONE_A_DAY)
    count(run(checkout, policy=layered, run_id="run-a"))
    assert len(count(run(checkout, policy=layered, run_id="run-b"))) == 1


def test_the_second_fault_of_a_run_is_not_judged_again(run, cluster, checkout):
    live = run(checkout, ("deployment-scale", {"by": 1}), policy=ONE_A_DAY)
    assert (count(live), count(live)) == ((), ())
    assert len(history.read(cluster).runs) == 1


def test_a_run_that_did_not_come_to_its_change_is_taken_back(run, cluster, checkout):
    live = run(checkout, ("deployment-scale", {"by": 1}))
    count(live)
    uncount(live)
    assert history.read(cluster) == History()


def test_of_many_runs_that_want_the_last_place_of_a_day_one_gets_it(run, checkout):
    runs = [run(checkout, policy=ONE_A_DAY, run_id=f"run-{n}") for n in range(16)]
    counted, start = [], threading.Barrier(len(runs))

    def try_it(live) -> None:
        start.wait(30)
        counted.append(not count(live))

    threads = [threading.Thread(target=try_it, args=(live,)) for live in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(counted) == [False] * 15 + [True]


def test_a_history_that_makes_no_sense_lets_nothing_be_counted(run, cluster, checkout):
    live = run(checkout, ("deployment-scale", {"by": 1}))
    count(live)
    cluster.patch_merge("ConfigMap", history.NAME, NAMESPACE, patch={"data": {"runs": "nonsense"}})
    with pytest.raises(ClusterError, match="mend it, or delete it if earlier runs need not count"):
        count(live)
    with pytest.raises(ClusterError, match="cannot be read"):
        past(live, ONE_A_DAY)


def test_a_history_that_cannot_be_written_is_an_error(run, cluster, checkout):
    live = run(checkout, ("deployment-scale", {"by": 1}))
    count(live)
    stale = cluster.get("ConfigMap", history.NAME, NAMESPACE)
    history.change(
        cluster,
        live.clock,
        lambda known: known.including(PastRun("z", live.clock.now()), now=live.clock.now()),
    )

    class Stale(type(cluster)):
        def within(self, _timeouts):
            return self

        def get(self, *_, **__):
            return stale

    with pytest.raises(ConflictError):
        history.change(Stale(cluster._connection), live.clock, lambda known: known)
