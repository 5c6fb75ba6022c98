"""Everything that looks at a run while it lives: the probes, the cluster's watch, the watchdog."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from guardrails.abort import breaches
from tasks.live_run import LiveRun
from tasks.watchdog import watchdog
from windtunnel.clients.installation import cluster_entry, prometheus_url
from windtunnel.model.errors import LedgerError
from windtunnel.model.record import Event, Phase, Sample
from windtunnel.probes import ProbeContext, look
from windtunnel.probes.sampler import Sampler
from windtunnel.probes.watching import watch_target


@contextmanager
def watching(run: LiveRun) -> Iterator[None]:
    """Put every sample and watched change on record until the block ends, and stop the run where it must."""
    entry = cluster_entry(run.policy, run.experiment.target.cluster)
    context = ProbeContext(
        cluster=run.cluster,
        prometheus_url=prometheus_url(run.policy, entry),
        namespace=run.experiment.target.namespace,
        secrets=run.secrets,
    )
    run.samples.on_sample(_or_stop(run, lambda sample: run.ledger.append_samples(run.run_id, [sample])))
    run.samples.on_sample(_abort_on_breach(run))
    run.sampler = Sampler(
        run.experiment.steady_state,
        looker=lambda probe: look(probe, context, run.clock),
        clock=run.clock,
        on_sample=run.samples.add,
    )
    with ExitStack() as stack:
        stack.callback(run.sampler.stop)
        stack.enter_context(watch_target(run.cluster, run.target, on_event=_keep_watched(run)))
        stack.enter_context(watchdog(run))
        yield


def _abort_on_breach(run: LiveRun) -> Callable[[Sample], None]:
    """Judge the abort conditions with every sample taken while the fault is active."""

    def check(sample: Sample) -> None:
        if sample.phase is Phase.DURING and run.injecting_at is not None:
            for stop in breaches(
                run.policy,
                run.experiment,
                run.samples.seen,
                injected_at=run.injecting_at,
                now=run.clock.now(),
            ):
                run.stop(stop.by, stop.reason)

    return check


def _or_stop(run: LiveRun, keep: Callable[[Sample], None]) -> Callable[[Sample], None]:
    """Keep samples with *keep*; a ledger that no longer takes them stops the run."""

    def kept(sample: Sample) -> None:
        try:
            keep(sample)
        except LedgerError as error:
            run.stop("error", f"The record can no longer be written: {error}")

    return kept


def _keep_watched(run: LiveRun) -> Callable[[Event], None]:
    def kept(event: Event) -> None:
        try:
            run.recorded(event)
        except LedgerError as error:
            run.stop("error", f"The record can no longer be written: {error}")

    return kept
