"""What a probe expects and saw, in words and numbers that a person reads at a glance."""

from windtunnel.model.comparison import Comparison
from windtunnel.model.experiment import CommandProbe, HttpProbe, KubernetesProbe, Probe, PrometheusProbe

_PLENTY = 1e6
_LITTLE = 1e-4


def expectation(probe: Probe) -> str:
    """Say in a few words what *probe* expects."""
    match probe.look:
        case HttpProbe() as look:
            status = "/".join(str(code) for code in look.status)
            within = f" within {seconds(look.within_s)}" if look.within_s is not None else ""
            body = f", body matches {look.matches}" if look.matches else ""
            return f"HTTP {status}{within}{body}"
        case PrometheusProbe() as look:
            return str(look.expect)
        case KubernetesProbe() as look:
            if look.condition:
                return f"{look.object} {look.condition}={look.status}"
            return f"{look.ready or 'all'} ready"
        case CommandProbe() as look:
            body = f", output matches {look.matches}" if look.matches else ""
            return str(look.expect) if look.expect else f"exit status {look.exit_code}{body}"


def thresholds(probe: Probe) -> tuple[float, ...]:
    """Return the numbers that bound *probe*'s value, for lines in a chart; none where it has no bound."""
    match probe.look:
        case HttpProbe() as look:
            return () if look.within_s is None else (look.within_s,)
        case PrometheusProbe() as look:
            return _bounds(look.expect)
        case KubernetesProbe() as look:
            return _bounds(look.ready)
        case CommandProbe() as look:
            return _bounds(look.expect)


def is_duration(probe: Probe) -> bool:
    """Say whether *probe*'s value is a time in seconds."""
    return isinstance(probe.look, HttpProbe)


def amount(probe: Probe, value: float | None) -> str:
    """Write *probe*'s value, a latency with its unit; a dash where there is none."""
    if value is None:
        return "-"
    return seconds(value) if is_duration(probe) else number(value)


def number(value: float) -> str:
    """Write *value* with four digits that matter: 0.9987, 42, 1.234e+06."""
    if value != 0 and not _LITTLE <= abs(value) < _PLENTY:
        return f"{value:.3e}"
    return f"{value:.4g}" if abs(value) < _PLENTY / 100 else f"{value:.0f}"


def seconds(value: float | None) -> str:
    """Write a length of time: 850 µs, 12 ms, 3.2 s, 4 min 10 s; a dash where there is none."""
    if value is None:
        return "-"
    if abs(value) < 0.001:  # noqa: PLR2004 - a millisecond
        return f"{value * 1e6:.0f} µs" if value else "0 s"
    if abs(value) < 1:
        return f"{value * 1000:.0f} ms"
    if abs(value) < 120:  # noqa: PLR2004 - two minutes
        return f"{value:.1f} s"
    return f"{int(value // 60)} min {value % 60:.0f} s"


def _bounds(comparison: Comparison | None) -> tuple[float, ...]:
    if comparison is None:
        return ()
    both = comparison.operator == "between"
    return (comparison.value, comparison.upper) if both else (comparison.value,)
