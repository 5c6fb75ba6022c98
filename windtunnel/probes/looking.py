"""One look of any kind of probe."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from windtunnel.clients.cluster import Cluster
from windtunnel.clients.service_address import ServiceAddresses
from windtunnel.clock import Clock
from windtunnel.model.errors import WindtunnelError
from windtunnel.model.experiment import CommandProbe, HttpProbe, KubernetesProbe, Probe, PrometheusProbe
from windtunnel.probes.answer import Answer, unanswered
from windtunnel.probes.placeholders import Fetched


@dataclass(frozen=True, slots=True)
class ProbeContext:
    """Where probes look. Without a cluster or a Prometheus, the probes that need one cannot answer."""

    cluster: Cluster | None = None
    prometheus_url: str = ""
    namespace: str = ""  # for kubernetes probes that name none
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    secrets: Fetched = field(default_factory=dict)
    addresses: ServiceAddresses = field(default_factory=ServiceAddresses)


def look(probe: Probe, context: ProbeContext, clock: Clock) -> Answer:
    """Look once. Never raises what windtunnel can foresee: a look that fails is an answer of `ok=None`."""
    try:
        return _look(probe, context, clock)
    except WindtunnelError as error:
        return unanswered(error)


def _look(probe: Probe, context: ProbeContext, clock: Clock) -> Answer:
    # Each kind brings its own library, so each is imported when it is used.
    match probe.look:
        case HttpProbe():
            from windtunnel.probes.http import look_http

            return look_http(probe.look, context, clock, timeout_s=probe.timeout_s)
        case PrometheusProbe():
            from windtunnel.probes.prometheus import look_prometheus

            return look_prometheus(probe.look, context, timeout_s=probe.timeout_s)
        case KubernetesProbe():
            from windtunnel.probes.kubernetes import look_kubernetes

            return look_kubernetes(probe.look, context, timeout_s=probe.timeout_s)
        case CommandProbe():
            from windtunnel.probes.command import look_command

            return look_command(probe.look, context, clock, timeout_s=probe.timeout_s)
