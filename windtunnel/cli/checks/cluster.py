"""One cluster: does it answer, is its clock like ours, may we, and was anything left behind."""

from collections.abc import Iterator

from windtunnel.cli.checks.finding import Check, Finding, State
from windtunnel.clients.cluster import Cluster, connect
from windtunnel.clients.installation import cluster_entry, prometheus_url
from windtunnel.clock import SystemClock
from windtunnel.model.declaration import Declaration
from windtunnel.model.policy import Policy

OLDEST_MINOR = 27  # the first with every API that is used here
_SHOWN = 3


def cluster_checks(policy: Policy, name: str) -> Iterator[Check]:
    """Yield the checks of the cluster called *name*; empty: that of the current kube context."""
    of = f" {name}" if name else ""

    def asked() -> Cluster:
        return connect(cluster_entry(policy, name))

    first = f"cluster{of}"
    yield Check(first, lambda: _version(asked()), "see `kubectl config get-contexts`")
    yield Check(f"clock{of}", lambda: _clock(asked()), "set this machine's clock, with NTP", needs=first)
    yield Check(
        f"namespace{of}", lambda: _namespace(asked()), "kubectl create namespace windtunnel", needs=first
    )
    yield Check(
        f"rights{of}", lambda: _rights(asked()), "windtunnel rbac FILE... | kubectl apply -f -", needs=first
    )
    yield Check(f"lever{of}", lambda: _lever(asked()), "see docs/cli.md, windtunnel halt", needs=first)
    yield Check(f"tickets{of}", lambda: _tickets(asked()), "see docs/undo.md", needs=first)
    yield Check(f"prometheus{of}", lambda: _prometheus(policy, name), "correct `prometheus` in the policy")


def _version(cluster: Cluster) -> tuple[State, str, str]:
    version = cluster.version()
    minor = version.split(".")[1] if version.count(".") else ""
    if not minor.isdigit() or int(minor) < OLDEST_MINOR:
        return (
            State.WARN,
            f"{cluster.label} is {version}",
            f"windtunnel is tested with 1.{OLDEST_MINOR} and later",
        )
    return State.OK, f"{cluster.label} is {version}", ""


def _clock(cluster: Cluster) -> tuple[State, str, str]:
    from guardrails.clock import LIMIT_S

    skew = cluster.clock_skew_s(SystemClock())
    told = f"{abs(skew):.1f} s apart at the least; {LIMIT_S:g} s are borne"
    bad = abs(skew) > LIMIT_S
    return (State.FAIL, told, "set this machine's clock, with NTP") if bad else (State.OK, told, "")


def _namespace(cluster: Cluster) -> tuple[State, str, str]:
    from windtunnel.clients.own_namespace import NAMESPACE

    cluster.get("Namespace", NAMESPACE)
    return State.OK, f"{NAMESPACE} is there", ""


def _rights(cluster: Cluster) -> tuple[State, str, str]:
    from windtunnel.clients.own_namespace import NAMESPACE
    from windtunnel.faults.rights import OWN, missing_rights

    missing = missing_rights(cluster, OWN, NAMESPACE)
    if missing:
        shown = ", ".join(missing[:_SHOWN]) + (
            f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        )
        return State.FAIL, f"this account may not {shown}", "windtunnel rbac FILE... | kubectl apply -f -"
    return State.OK, "windtunnel's own objects may be kept; `windtunnel plan FILE` checks an experiment's", ""


def _lever(cluster: Cluster) -> tuple[State, str, str]:
    from tasks.lever_facts import on_cluster
    from windtunnel.clients import halt

    return lever_position(on_cluster(cluster), f"config map {halt.LEVER}")


def lever_position(told: Declaration, place: str) -> tuple[State, str, str]:
    """Say where the lever is in one of its places."""
    if not told.holds(SystemClock().now()):
        return State.OK, f"{place}: released", ""
    by = f" by {told.by}" if told.by else ""
    end = f" until {told.until.isoformat()}" if told.until else ""
    what = f"{place}: pulled{by}{end}, no run may start: {told.reason or 'no reason given'}"
    return State.WARN, what, "once it is safe: windtunnel resume"


def _tickets(cluster: Cluster) -> tuple[State, str, str]:
    from windtunnel.clients import tickets

    left = tickets.list_open(cluster)
    if left:
        named = ", ".join(each.name for each in left[:_SHOWN])
        remedy = "see `windtunnel status`; where no run is under way: `windtunnel janitor`"
        return State.WARN, f"{len(left)} open: {named}", remedy
    return State.OK, "none open", ""


def _prometheus(policy: Policy, name: str) -> Finding | tuple[State, str, str]:
    from windtunnel.clients.http import shown
    from windtunnel.clients.prometheus import one_number

    url = prometheus_url(policy, cluster_entry(policy, name))
    if not url:
        return State.SKIPPED, "the policy names none", ""
    one_number(url, "1", timeout_s=3.0)  # every Prometheus knows how much that is
    return State.OK, f"{shown(url)} answers", ""
