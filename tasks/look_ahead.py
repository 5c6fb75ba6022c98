"""What would happen: the target, the decisions and one look of each probe, without touching anything."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from tasks.outlook import Outlook
from tasks.precheck import decide
from tasks.resolve import find_target
from windtunnel.clients.installation import cluster_entry, prometheus_url
from windtunnel.model.decision import Decision, Outcome, objections, worst
from windtunnel.model.experiment import Probe
from windtunnel.model.ticket import UndoTicket
from windtunnel.model.verdict import ExitCode
from windtunnel.probes import ProbeContext, look
from windtunnel.probes.answer import Answer


@dataclass(frozen=True, slots=True)
class Preview:
    """A run seen from before its start."""

    outlook: Outlook
    decisions: tuple[Decision, ...]
    looks: tuple[tuple[Probe, Answer], ...]
    would: tuple[str, ...]  # one sentence for each fault

    @property
    def tickets(self) -> tuple[UndoTicket, ...]:
        """The undo tickets that would be written."""
        return tuple(plan.ticket for plan in self.outlook.plans)

    @property
    def next_allowed(self) -> datetime | None:
        """When every objection has ended, if each of them tells its end."""
        ends = [decision.evidence.until for decision in objections(self.decisions)]
        return max((end for end in ends if end), default=None) if all(ends) else None

    @property
    def exit_code(self) -> ExitCode:
        """What `windtunnel plan` exits with: passed stands for "it would start"."""
        if worst(self.decisions) is not Outcome.ALLOW:
            return ExitCode.BLOCKED
        steady = all(answer.ok is True for _, answer in self.looks)
        return ExitCode.PASSED if steady else ExitCode.INCONCLUSIVE

    @property
    def shares(self) -> Mapping[str, tuple[int, int]]:
        """Of each workload that is hit, how many pods would be taken of how many there are."""
        target, hit = self.outlook.target, {ref.uid for t in self.tickets for ref in t.targets}
        found: dict[str, tuple[int, int]] = {}
        for pod in target.candidates:
            workload = self.outlook.experiment.target.workload or pod.owner or f"pod/{pod.name}"
            taken, of = found.get(workload, (0, 0))
            found[workload] = (taken + (pod.uid in hit), of + 1)
        return found


def look_ahead(outlook: Outlook) -> Preview:
    """Find the target, gather the facts, ask every guardrail, look once with each probe, rehearse each fault.

    Raises:
        WindtunnelError: the cluster, the target or a fault's preparation does not allow it.
    """
    find_target(outlook)
    decisions = decide(outlook)
    would = [plan.fault.inject(outlook.cluster, plan.ticket).message for plan in outlook.plans]
    return Preview(outlook, decisions, _looks(outlook), tuple(would))


def _looks(outlook: Outlook) -> tuple[tuple[Probe, Answer], ...]:
    entry = cluster_entry(outlook.policy, outlook.experiment.target.cluster)
    context = ProbeContext(
        cluster=outlook.cluster,
        prometheus_url=prometheus_url(outlook.policy, entry),
        namespace=outlook.experiment.target.namespace,
        secrets=outlook.secrets,
    )
    probes = outlook.experiment.steady_state
    with ThreadPoolExecutor(max_workers=len(probes), thread_name_prefix="probe") as pool:
        answers = list(pool.map(lambda probe: look(probe, context, outlook.clock), probes))
    return tuple(zip(probes, answers, strict=True))
