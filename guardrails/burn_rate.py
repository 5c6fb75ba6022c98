"""Error budgets as arithmetic: what is left, how fast it burns, what a run costs. Ratios are fractions.

After the Google SRE Workbook, chapter 5, "Alerting on SLOs" (https://sre.google/workbook/alerting-on-slos/):
a burn rate of 1 spends the whole budget in exactly one period, and a pair of windows fires when the burn rate
of both the long and the short one is above its threshold, share * period / long window. For 30 days:

    share of the budget   long   short   threshold
    2 %                   1 h    5 m     14.4
    5 %                   6 h    30 m    6
    10 %                  1 d    2 h     3
    10 %                  3 d    6 h     1
"""

from collections.abc import Mapping
from dataclasses import dataclass

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0


@dataclass(frozen=True, slots=True)
class Pair:
    """Two windows (seconds) and the burn rate that both must exceed to fire."""

    long_s: float
    short_s: float
    threshold: float


_SHARES = (
    (0.02, _HOUR, 5 * _MINUTE),
    (0.05, 6 * _HOUR, 30 * _MINUTE),
    (0.10, _DAY, 2 * _HOUR),
    (0.10, 3 * _DAY, 6 * _HOUR),
)


def pairs(period_s: float) -> tuple[Pair, ...]:
    """Return the pairs of windows for a period; those that have a threshold below 1 are left out."""
    found = (Pair(long_s, short_s, share * period_s / long_s) for share, long_s, short_s in _SHARES)
    return tuple(pair for pair in found if pair.threshold >= 1 - 1e-9)


def windows(period_s: float) -> tuple[float, ...]:
    """Return every range (seconds) over which the error ratio must be known, the period itself last."""
    ranges = {range_s for pair in pairs(period_s) for range_s in (pair.long_s, pair.short_s)}
    return (*sorted(ranges - {period_s}), period_s)


def burn_rate(error_ratio: float, objective: float) -> float:
    """Return how many times faster than allowed the budget is spent."""
    return error_ratio / (1 - objective)


def remaining(error_ratio_of_period: float, objective: float) -> float:
    """Return the fraction of the period's budget that is left; negative when it is overspent."""
    return 1 - burn_rate(error_ratio_of_period, objective)


def firing(ratios: Mapping[float, float], objective: float, period_s: float) -> tuple[Pair, ...]:
    """Return the pairs of which both windows burn faster than their threshold, given ratios by window.

    A pair of which a ratio is not known is left out; that it is missing, the caller has to say.
    """
    return tuple(
        pair
        for pair in pairs(period_s)
        if {pair.long_s, pair.short_s} <= ratios.keys()
        and burn_rate(ratios[pair.long_s], objective) > pair.threshold
        and burn_rate(ratios[pair.short_s], objective) > pair.threshold
    )


def spent(error_ratio: float, lasting_s: float, objective: float, period_s: float) -> float:
    """Return the share of the period's budget that *error_ratio* over *lasting_s* seconds spends.

    As if traffic were as it is on average over the period.
    """
    return burn_rate(error_ratio, objective) * lasting_s / period_s
