"""How often runs inject: what the cluster remembers, and how a run is added to it before its first change."""

from guardrails.frequency import Past, judge, limits
from tasks.claims import claims_of
from tasks.live_run import LiveRun
from tasks.prospect import Prospect
from windtunnel.clients import history
from windtunnel.model.claim import hits
from windtunnel.model.decision import Decision, objections
from windtunnel.model.errors import ClusterError
from windtunnel.model.history import History, PastRun
from windtunnel.model.policy import Policy


def past(run: Prospect, policy: Policy) -> Past:
    """Read which runs injected on the target's cluster, if the policy limits how often."""
    if not limits(policy):
        return Past()
    return Past(history.read(run.cluster).without(run.run_id), hits(claims_of(run)))


def count(run: LiveRun) -> tuple[Decision, ...]:
    """Put *run* on the cluster's record of injections; return what objects, and record nothing then.

    Judged on the very version of the record that is written over: of two runs that both saw the last free
    place of a day, one is refused here. A run that is counted already is not judged again.

    Raises:
        ClusterError: it could not be recorded; nothing may be injected then.
    """
    hit = hits(run.claims)
    against: tuple[Decision, ...] = ()

    def counted(known: History) -> History | None:
        nonlocal against
        now = run.clock.now()
        if not known.find(run.run_id):
            before = Past(known, hit)
            against = objections(judge(policy, before, now) for policy in run.policy.stack if limits(policy))
        return None if against else known.including(PastRun(run.run_id, now, hit), now=now)

    history.change(run.cluster, run.clock, counted)
    return against


def uncount(run: LiveRun) -> None:
    """Take a run back that was counted, and then changed nothing."""

    def taken_back(known: History) -> History | None:
        return known.without(run.run_id) if known.find(run.run_id) else None

    try:
        history.change(run.cluster, run.clock, taken_back)
    except ClusterError as error:
        run.log.warning("The run counts as one that injected, although it changed nothing: %s", error)
