"""What a service counts, and how Prometheus reads it (text format 0.0.4)."""

from collections import defaultdict
from collections.abc import Iterator

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Upper bounds of the latency buckets, in seconds; few, since every bucket of every pod is a series."""

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def labelled(**labels: str) -> str:
    """Return *labels* as ``{a="b",c="d"}``, escaped as the text format wants it."""
    if not labels:
        return ""
    pairs = []
    for name, value in labels.items():
        escaped = value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
        pairs.append(f'{name}="{escaped}"')
    return "{" + ",".join(pairs) + "}"


class Histogram:
    """Durations in cumulative buckets."""

    __slots__ = ("_counts", "_sum")

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS) + 1)
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        """Count one duration."""
        slot = next((i for i, bound in enumerate(BOUNDS) if seconds <= bound), len(BOUNDS))
        self._counts[slot] += 1
        self._sum += seconds

    def lines(self, name: str, **labels: str) -> Iterator[str]:
        """Yield the exposition lines of this histogram."""
        total = 0
        for bound, count in zip((*map(str, BOUNDS), "+Inf"), self._counts, strict=True):
            total += count
            yield f"{name}_bucket{labelled(**labels, le=bound)} {total}"
        yield f"{name}_sum{labelled(**labels)} {self._sum:.6f}"
        yield f"{name}_count{labelled(**labels)} {total}"


class ServiceMetrics:
    """The requests that one service answered: how many, how fast, how many now."""

    def __init__(self, app: str) -> None:
        self._app = app
        self._requests: defaultdict[tuple[str, str, str], int] = defaultdict(int)
        self._durations: defaultdict[tuple[str, str], Histogram] = defaultdict(Histogram)
        self.in_flight = 0

    def expect(self, *, method: str, path: str, codes: tuple[int, ...]) -> None:
        """Show these series from the start, at zero: a rate misses whatever a series begins with."""
        for code in codes:
            self._requests[str(code), method, path] += 0

    def observe(self, *, method: str, path: str, code: int, seconds: float) -> None:
        """Count one answered request."""
        self._requests[str(code), method, path] += 1
        self._durations[method, path].observe(seconds)

    def render(self) -> str:
        """Return everything counted so far as Prometheus text."""
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        yield "# HELP http_requests_total Requests answered."
        yield "# TYPE http_requests_total counter"
        for (code, method, path), count in self._requests.items():
            yield f"http_requests_total{labelled(app=self._app, code=code, method=method, path=path)} {count}"
        yield "# HELP http_request_duration_seconds Time from the request's last byte to the answer's first."
        yield "# TYPE http_request_duration_seconds histogram"
        for (method, path), histogram in self._durations.items():
            yield from histogram.lines(
                "http_request_duration_seconds", app=self._app, method=method, path=path
            )
        yield "# HELP http_requests_in_flight Requests being answered now."
        yield "# TYPE http_requests_in_flight gauge"
        yield f"http_requests_in_flight{labelled(app=self._app)} {self.in_flight}"
