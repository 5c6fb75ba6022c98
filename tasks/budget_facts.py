"""What Prometheus says of the error budget and of health."""

import math

from guardrails.burn_rate import windows
from guardrails.error_budget import BudgetReading, BudgetSpent
from guardrails.health import Health, QueryReading
from tasks.at_once import at_once
from tasks.prospect import Prospect
from windtunnel.clients.installation import cluster_entry, prometheus_url
from windtunnel.clients.prometheus import all_series, one_number
from windtunnel.model.duration import format_duration
from windtunnel.model.errors import ProbeError, SourceError
from windtunnel.model.policy import Policy
from windtunnel.model.rule_sources import HealthQuery

TIMEOUT_S = 5.0
SHORTEST_S = 15.0  # over which a ratio of a run is asked; below, many a Prometheus has not scraped twice
_WINDOW = "$window"
_REMAINING = "remaining"


def error_budget(run: Prospect, policy: Policy) -> BudgetReading:
    """Ask for the error ratio over every window, and for what remains, at once."""
    budget = policy.error_budget
    if budget is None:
        return BudgetReading()
    url = _url(run, policy)
    queries: dict[float | str, str] = {}
    if budget.error_ratio:
        for window_s in windows(budget.period_s):
            queries[window_s] = budget.error_ratio.replace(_WINDOW, format_duration(window_s))
    if budget.remaining:
        queries[_REMAINING] = budget.remaining

    def ask(key: float | str) -> tuple[float | str, float, str]:
        try:
            return key, one_number(url, queries[key], timeout_s=TIMEOUT_S), ""
        except ProbeError as error:
            return key, math.nan, str(error)

    answers = at_once(ask, list(queries))
    good = {key: number for key, number, error in answers if not error}
    return BudgetReading(
        ratios={key: number for key, number in good.items() if isinstance(key, float)},
        remaining=good.get(_REMAINING),
        errors=tuple(dict.fromkeys(error for _, _, error in answers if error)),
    )


def budget_spent(run: Prospect, policy: Policy) -> BudgetSpent:
    """Ask for the error ratio since the injection, over whole seconds and at least SHORTEST_S of them."""
    budget = policy.error_budget
    began: float | None = getattr(run, "injecting_since", None)  # a run that is only looked ahead to has none
    if budget is None or not budget.error_ratio or began is None:
        return BudgetSpent()
    lasting_s = max(SHORTEST_S, math.ceil(run.clock.monotonic() - began))
    query = budget.error_ratio.replace(_WINDOW, format_duration(lasting_s))
    ratio = one_number(_url(run, policy), query, timeout_s=TIMEOUT_S)
    if not 0 <= ratio <= 1:
        msg = f"the error ratio of the run is {ratio:g}, which is no share of 1"
        raise SourceError(msg)
    return BudgetSpent(ratio, lasting_s)


def health(run: Prospect, policy: Policy) -> Health:
    """Ask every health query at once; one without an answer is kept with its error."""
    if not policy.health:
        return Health()
    url = _url(run, policy)

    def ask(wanted: HealthQuery) -> QueryReading:
        try:
            return QueryReading(wanted.query, all_series(url, wanted.query, timeout_s=TIMEOUT_S))
        except ProbeError as error:
            return QueryReading(wanted.query, error=str(error))

    return Health(tuple(at_once(ask, policy.health)))


def _url(run: Prospect, policy: Policy) -> str:
    """Return the Prometheus that *policy* names; only where it names none, that of the run's own policy."""
    cluster = run.experiment.target.cluster
    own = policy.clusters.get(cluster)
    url = (own.prometheus_url if own else "") or policy.prometheus_url
    url = url or prometheus_url(run.policy, cluster_entry(run.policy, cluster))
    if not url:
        msg = "the policy has queries and names no Prometheus; write `prometheus: {url: ...}`"
        raise SourceError(msg)
    return url.rstrip("/")
