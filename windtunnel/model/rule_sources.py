"""Where the rules of a policy get their facts from, as frozen values: freezes, incidents, budgets, health."""

from dataclasses import dataclass

from windtunnel.model.comparison import Comparison


@dataclass(frozen=True, slots=True)
class CalendarSource:
    """A calendar whose entries are blackouts. Exactly one of *file*, *url* and *holidays* is set."""

    file: str = ""  # an .ics file, relative to the policy file
    url: str = ""  # an .ics file over http(s)
    holidays: str = ""  # public holidays of a country or a part of it: "FR", "DE-BY"
    reason: str = ""  # shown where an entry has no name of its own
    timezone: str = "UTC"  # in which days and floating times are meant

    def __str__(self) -> str:
        return self.file or self.url or f"public holidays {self.holidays}"


@dataclass(frozen=True, slots=True)
class Freeze:
    """Where a deployment freeze can be declared; each that is set is read, and any of them freezes."""

    configmap: str = ""  # "namespace/name"
    variable: str = ""  # a Prefect variable
    annotation: str = ""  # a key on the target workload or its namespace
    url: str = ""  # an HTTP endpoint


@dataclass(frozen=True, slots=True)
class PagerDuty:
    """Open incidents of these services with these urgencies refuse. The token comes from the environment."""

    services: tuple[str, ...]
    urgencies: tuple[str, ...] = ("high", "low")


@dataclass(frozen=True, slots=True)
class Alertmanager:
    """Firing alerts that satisfy all *match* refuse. Pending ones never reach an Alertmanager."""

    url: str
    match: tuple[str, ...] = ()  # matchers as Alertmanager writes them: severity="critical"


@dataclass(frozen=True, slots=True)
class ErrorBudget:
    """A service level objective and how much of its error budget chaos may use. Ratios are fractions.

    *error_ratio* is a query in which $window stands for a range; *remaining* is a ready-made series that
    gives the fraction of the budget that is left. At least one of the two is set.
    """

    objective: float  # 0.999
    period_s: float = 30 * 86400.0
    error_ratio: str = ""
    remaining: str = ""
    keep: float = 0.1  # refuse when less of the budget is left
    spend_per_run: float = 0.01  # of the whole budget: expected to fit before a run, and a bound during it
    burn_rate: float | None = None  # a run under which it burns faster stops; None: no such bound


@dataclass(frozen=True, slots=True)
class HealthQuery:
    """A query whose every series must satisfy *expect*; no series at all is no health."""

    query: str
    expect: Comparison

    def __str__(self) -> str:
        return f"{self.query} {self.expect}"
