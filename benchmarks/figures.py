"""One measured figure: its samples, its goal, and how to read it."""

import statistics
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """Samples of one quantity. *judged* names the statistic that the goal is about."""

    name: str
    unit: str
    samples: tuple[float, ...]
    goal: float
    judged: str = "median"  # median | max | p99
    note: str = ""

    @property
    def value(self) -> float:
        """The statistic that is compared with the goal."""
        if self.judged == "median":
            return statistics.median(self.samples)
        if self.judged == "p99" and len(self.samples) >= 100:
            return statistics.quantiles(self.samples, n=100)[98]
        return max(self.samples)  # of fewer than 100 samples the 99th percentile is the largest

    def form(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "name": self.name,
            "unit": self.unit,
            "goal": self.goal,
            "judged": self.judged,
            "value": round(self.value, 3),
            "met": self.value <= self.goal,
            "median": round(statistics.median(self.samples), 3),
            "min": round(min(self.samples), 3),
            "max": round(max(self.samples), 3),
            "samples": len(self.samples),
            "note": self.note,
        }

    def line(self) -> str:
        """Return it as one line of text."""
        sign = "met" if self.value <= self.goal else "MISSED"
        return f"{self.name:48} {self.judged} {self.value:8.3f} {self.unit:4} goal {self.goal:g} {sign}"
