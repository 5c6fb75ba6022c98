"""What the guardrails must know of the cluster: target, other runs, rights, clock."""

from guardrails.clock import ClockSkew
from guardrails.facts import ActiveRuns, Rights, TargetSummary
from tasks.blast_radius import summarise
from tasks.needed_rights import needed_rights
from tasks.prospect import Prospect
from windtunnel.clients import lease_body, tickets
from windtunnel.clients.own_namespace import NAMESPACE
from windtunnel.faults.rights import lacking
from windtunnel.model.policy import Policy


def target(run: Prospect, _policy: Policy) -> TargetSummary:
    """Count and name what would be hit."""
    return summarise(run)


def active_runs(run: Prospect, _policy: Policy) -> ActiveRuns:
    """Name every other run that holds a lease or has an open undo ticket on this cluster."""
    now = run.clock.now()
    holders = {
        one.run_id
        for found in run.cluster.list("Lease", NAMESPACE)
        for one in lease_body.occupants(found)
        if one.holds_at(now)
    }
    open_runs = {  # a ticket that cannot be read is somebody's all the same
        found.ticket.run_id if found.ticket else found.name for found in tickets.list_open(run.cluster)
    }
    return ActiveRuns(run_ids=tuple(sorted((holders | open_runs) - {run.run_id})))


def rights(run: Prospect, policy: Policy) -> Rights:
    """Ask the cluster which of the rights that the run needs this account lacks."""
    return Rights(missing=lacking(run.cluster, needed_rights(run.experiment, policy)))


def clock_skew(run: Prospect, _policy: Policy) -> ClockSkew:
    """Compare this machine's clock with the API server's."""
    return ClockSkew(run.cluster.clock_skew_s(run.clock))
