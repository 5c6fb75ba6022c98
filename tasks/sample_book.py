"""Every sample of a run: kept on record at once, at hand for the steps that wait for one."""

import threading
from collections.abc import Callable, Sequence

from windtunnel.model.record import Sample

Keep = Callable[[Sample], None]


class SampleBook:
    """Filled by the probes' threads; read by the steps."""

    def __init__(self) -> None:
        self._samples: list[Sample] = []
        self._changed = threading.Condition()
        self._keepers: list[Keep] = []

    def on_sample(self, keep: Keep) -> None:
        """Call *keep* with each sample from now on, in the thread of the probe that made it."""
        self._keepers.append(keep)

    def add(self, sample: Sample) -> None:
        """Take one sample, hand it on, and wake whoever waits."""
        with self._changed:
            self._samples.append(sample)
            self._changed.notify_all()
        for keep in self._keepers:
            keep(sample)

    @property
    def seen(self) -> Sequence[Sample]:
        """What was seen so far, oldest first, without a copy: it grows while one reads."""
        return self._samples

    def all(self) -> Sequence[Sample]:
        """Return what was seen so far, oldest first."""
        with self._changed:
            return tuple(self._samples)

    def wait_for(self, enough: Callable[[Sequence[Sample]], bool], *, timeout_s: float) -> bool:
        """Wait until *enough* says so of the samples, at most *timeout_s* seconds; say whether it did."""
        with self._changed:
            return self._changed.wait_for(lambda: enough(tuple(self._samples)), timeout=timeout_s)

    def wake(self) -> None:
        """Make whoever waits look again, because something other than a sample has changed."""
        with self._changed:
            self._changed.notify_all()
