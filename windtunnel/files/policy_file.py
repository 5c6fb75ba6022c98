"""The policy file: text in, a frozen Policy or every mistake out."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from windtunnel.files.calendar_files import calendar_mistakes
from windtunnel.files.document import Document, open_document
from windtunnel.files.hours_form import CalendarEntry, HolidaysEntry, SpanEntry
from windtunnel.files.hours_rules import window_mistakes
from windtunnel.files.messages import mistakes_of
from windtunnel.files.policy_form import LATER, PolicyForm
from windtunnel.files.reading import read_text
from windtunnel.model.policy import Blackout, Caps, ClusterEntry, Policy, Protected, Window
from windtunnel.model.rule_sources import (
    Alertmanager,
    CalendarSource,
    ErrorBudget,
    Freeze,
    HealthQuery,
    PagerDuty,
)

VARIABLE = "WINDTUNNEL_POLICY"
FILE_NAMES = ("windtunnel.yaml", "windtunnel.yml")


def load_policy(path: Path | None) -> Policy:
    """Read a policy file; None gives the built-in rules, which are strict.

    Raises:
        FileError: it cannot be used; an InputError with one line per problem.
    """
    return Policy() if path is None else parse_policy(read_text(path), str(path))


def parse_policy(text: str, source: str) -> Policy:
    """Read a policy from *text*; *source* names it in messages. Raises as load_policy."""
    return policy_of(open_document(text, source))


def stacked(policies: Sequence[Policy]) -> Policy:
    """Return the first of *policies* with the others above it; built-in rules where there is none.

    What is no rule (clusters, Prometheus, Slack) is the nearest's, else that of the next above which has it.
    """
    if not policies:
        return Policy()
    nearest, *above = policies
    if not above:
        return nearest
    ceiling = stacked(above)
    return replace(
        nearest,
        ceiling=ceiling,
        clusters={**ceiling.clusters, **nearest.clusters},
        prometheus_url=nearest.prometheus_url or ceiling.prometheus_url,
        slack_channel=nearest.slack_channel or ceiling.slack_channel,
    )


def installation_policy() -> Path | None:
    """Return the file that `WINDTUNNEL_POLICY` names: it holds for every run of this installation."""
    named = os.environ.get(VARIABLE, "").strip()
    return Path(named).expanduser() if named else None


def load_policies(near: Path, *, given: Path | None = None) -> Policy:
    """Read every policy that holds for what lies at *near*: the one given, those found, the installation's.

    Raises:
        FileError: one cannot be used.
    """
    return stacked([load_policy(path) for path in policy_paths(near, given=given)])


def policy_paths(near: Path, *, given: Path | None = None, installation: bool = True) -> tuple[Path, ...]:
    """Return the files of those policies, the nearest first, each once."""
    above = installation_policy() if installation else None
    paths = [path for path in (given, *find_policies(near), above) if path]
    return tuple({path.absolute(): path for path in paths}.values())


def find_policies(near: Path) -> tuple[Path, ...]:
    """Return the policy files beside *near* (a file or a folder) and in the folders above it, nearest first.

    The search ends at the root of a repository (a folder with .git), at the home folder and at the top.
    """
    start = near.absolute()
    folder = start if start.is_dir() else start.parent
    found: list[Path] = []
    for place in (folder, *folder.parents):
        named = next((place / name for name in FILE_NAMES if (place / name).is_file()), None)
        found += [named] if named else []
        if (place / ".git").exists() or place == Path.home():
            break
    return tuple(found)


def policy_of(document: Document) -> Policy:
    """Return the policy that *document* holds. Raises FileError with every mistake in it."""
    form: PolicyForm | None = None
    try:
        form = PolicyForm.model_validate(document.values)
    except ValidationError as error:
        found = mistakes_of(error, PolicyForm, later=LATER)
        document.require([m for m in found if not any(m.path[: len(v)] == v for v in document.voids)])
    document.require(())
    assert form is not None, "validation gave neither a form nor an error"  # noqa: S101 - for the type checker
    document.require([*window_mistakes(form.windows), *calendar_mistakes(form.blackouts, document.source)])
    return _policy(form, document.source)


def _policy(form: PolicyForm, source: str) -> Policy:
    always = Protected()
    return Policy(
        timezone=form.timezone,
        windows={
            name: Window(name, window.days, window.from_, window.to, form.timezone)
            for name, window in form.windows.items()
        },
        blackouts=tuple(
            Blackout(entry.from_, entry.to, entry.reason, form.timezone)
            for entry in form.blackouts
            if isinstance(entry, SpanEntry)
        ),
        calendars=tuple(_calendars(form)),
        freeze=_freeze(form),
        caps=_caps(form),
        min_interval_s=form.min_interval or 0.0,
        last_replica=frozenset(form.last_replica),
        pagerduty=_pagerduty(form),
        alertmanager=_alertmanager(form),
        error_budget=_error_budget(form),
        health=tuple(HealthQuery(entry.query, entry.expect) for entry in form.health),
        blind_after_s=form.blind_after,
        opt_in=form.opt_in,
        protected=Protected(
            namespaces=always.namespaces | frozenset(form.protect.namespaces),
            services=always.services | frozenset(form.protect.services),
            labels=tuple(form.protect.labels),
        ),
        abort_when=tuple(form.abort_when),
        clusters={
            name: ClusterEntry(name, entry.kubeconfig or "", entry.context or "", entry.prometheus or "")
            for name, entry in form.clusters.items()
        },
        prometheus_url=form.prometheus.url if form.prometheus else "",
        slack_channel=form.slack.channel if form.slack else "",
        source=source,
    )


def _calendars(form: PolicyForm) -> Iterator[CalendarSource]:
    for entry in form.blackouts:
        if isinstance(entry, HolidaysEntry):
            yield CalendarSource(holidays=entry.holidays, timezone=form.timezone)
        elif isinstance(entry, CalendarEntry):
            key = "url" if "://" in entry.calendar else "file"
            where = {key: entry.calendar}
            yield CalendarSource(**where, reason=entry.reason or "", timezone=form.timezone)


def _caps(form: PolicyForm) -> Caps:
    return Caps(
        pods=form.caps.pods,
        percent=form.caps.percent,
        nodes=form.caps.nodes,
        namespaces=form.caps.namespaces,
        zones=form.caps.zones,
        duration_s=form.caps.duration,
        concurrent_runs=form.caps.concurrent_runs,
        runs_per_day=form.caps.runs_per_day,
    )


def _freeze(form: PolicyForm) -> Freeze | None:
    if (asked := form.freeze) is None:
        return None
    return Freeze(asked.configmap or "", asked.variable or "", asked.annotation or "", asked.url or "")


def _pagerduty(form: PolicyForm) -> PagerDuty | None:
    asked = form.incidents.pagerduty if form.incidents else None
    return PagerDuty(tuple(asked.services), tuple(asked.urgencies)) if asked else None


def _alertmanager(form: PolicyForm) -> Alertmanager | None:
    asked = form.incidents.alertmanager if form.incidents else None
    return Alertmanager(asked.url, tuple(asked.match)) if asked else None


def _error_budget(form: PolicyForm) -> ErrorBudget | None:
    if (asked := form.error_budget) is None:
        return None
    return ErrorBudget(
        objective=asked.objective / 100,
        period_s=asked.period,
        error_ratio=asked.error_ratio or "",
        remaining=asked.remaining or "",
        keep=asked.keep / 100,
        spend_per_run=asked.spend_per_run / 100,
        burn_rate=asked.burn_rate,
    )
