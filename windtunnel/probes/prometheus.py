"""prometheus probe: an instant query that gives one number, compared."""

from windtunnel.clients.prometheus import one_number
from windtunnel.model.errors import ProbeError
from windtunnel.model.experiment import PrometheusProbe
from windtunnel.probes.answer import Answer
from windtunnel.probes.looking import ProbeContext


def look_prometheus(probe: PrometheusProbe, context: ProbeContext, *, timeout_s: float) -> Answer:
    """Ask Prometheus and compare.

    Raises:
        ProbeError: there is no Prometheus, or its answer is not exactly one number.
    """
    if not context.prometheus_url:
        msg = "no Prometheus is known; give prometheus.url in windtunnel.yaml, or one for the cluster"
        raise ProbeError(msg)
    value = one_number(context.prometheus_url, probe.query, timeout_s=timeout_s)
    return Answer(ok=probe.expect.holds(value), value=value, detail=f"{value:g}, expected {probe.expect}")
