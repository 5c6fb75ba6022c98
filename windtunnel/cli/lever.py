"""Both places of the safety lever at once, and whoever is told of it."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from windtunnel.cli.console import note
from windtunnel.cli.prefect_server import connect_to_prefect, standing_server
from windtunnel.clients import halt
from windtunnel.clients.cluster import connect
from windtunnel.clients.http import shown
from windtunnel.clients.installation import LAB, cluster_entry
from windtunnel.clock import SystemClock
from windtunnel.files import load_policies
from windtunnel.model.duration import parse_duration
from windtunnel.model.errors import InputError, WindtunnelError
from windtunnel.model.policy import Policy


@dataclass(slots=True)
class Outcome:
    """Where the lever was moved, where there was nothing to move, and where it could not be moved and why."""

    pulled: bool
    words: str = ""
    told: dict[str, str] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    idle: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    untouched: str = ""  # a place that nobody here knows how to reach

    def form(self) -> dict[str, Any]:
        """Return it as JSON values."""
        moved = {"was_pulled": bool(self.done)} if not self.pulled else {}
        return {"pulled": self.pulled, **self.told, **moved, "places": self.done, "failed": self.failed}


class Lever:
    """The lever of one cluster and of the Prefect server that is known here."""

    def __init__(self, cluster: str) -> None:
        self._name = cluster
        self._clock = SystemClock()
        self._prefect = known_prefect()
        self._lost: WindtunnelError | None = None  # why nothing is known of the cluster
        self.policy, broken = _policy()
        try:
            if cluster and broken:
                raise broken
            self._cluster = connect(cluster_entry(self.policy, cluster))
            self._label = self._cluster.label
        except WindtunnelError as error:
            self._lost, self._label = error, f"cluster {cluster}" if cluster else "the kube context's cluster"
        if broken and not self._lost:
            note(f"The policy cannot be read, so nobody is told in Slack: {str(broken).splitlines()[0]}")

    def pull(self, reason: str, *, until: datetime | None) -> Outcome:
        """Pull it in both places; whoever cannot be reached is named in the outcome.

        Raises:
            WindtunnelError: the cluster is not known, and there is no Prefect server in its stead.
        """
        if self._lost and not self._prefect:
            raise self._lost
        now = self._clock.now()
        told = halt.told(reason=reason, by=who(), now=now, until=until)
        lever = halt.Lever(pulled=True, **told)

        def on_cluster() -> bool:
            if self._lost:
                raise self._lost
            halt.pull(self._cluster, reason=reason, by=told["by"], now=now, until=until)
            return True

        def on_prefect() -> bool:
            from tasks.prefect_variables import write_variable

            write_variable(halt.VARIABLE, told)
            return True

        outcome = self._move(Outcome(pulled=True, words=str(lever), told=told), on_cluster, on_prefect)
        if outcome.done:
            self._tell("pulled", f":octagonal_sign: *Halted* on {_places(outcome.done)}: {lever}", told)
        return outcome

    def release(self) -> Outcome:
        """Release it in both places; one that cannot be reached still holds.

        Raises:
            WindtunnelError: the cluster is not known; then nothing is released.
        """
        if self._lost:
            raise self._lost

        def on_prefect() -> bool:
            from tasks.prefect_variables import delete_variable

            return delete_variable(halt.VARIABLE)

        outcome = self._move(Outcome(pulled=False), lambda: halt.release(self._cluster), on_prefect)
        if outcome.done:
            sign = ":warning: *Not wholly resumed*" if outcome.failed else ":large_green_circle: *Resumed*"
            still = f", but not on {_places(outcome.failed)}" if outcome.failed else ""
            text = f"{sign} by {who()} on {_places(outcome.done)}{still}"
            self._tell("released", text, {"by": who()})
        return outcome

    def _move(
        self, outcome: Outcome, on_cluster: Callable[[], bool], on_prefect: Callable[[], bool]
    ) -> Outcome:
        places = {self._label: on_cluster}
        if self._prefect:
            places[f"Prefect at {shown(self._prefect)}"] = on_prefect
        else:
            outcome.untouched = f"the variable {halt.VARIABLE}: no Prefect server is known here"
        with ThreadPoolExecutor(max_workers=len(places)) as pool:
            asked = {place: pool.submit(copy_context().run, move) for place, move in places.items()}
        for place, answer in asked.items():
            try:
                (outcome.done if answer.result() else outcome.idle).append(place)
            except WindtunnelError as error:
                outcome.failed[place] = str(error)
        return outcome

    def _tell(self, what: str, text: str, payload: dict[str, str]) -> None:
        """Keep it in Prefect's event feed and tell Slack; neither is needed for the lever to hold."""
        tellers: tuple[Callable[[], None], ...] = (
            lambda: self._tell_prefect(what, payload),
            lambda: self._tell_slack(text),
        )
        for tell in tellers:
            try:
                tell()
            except WindtunnelError as error:
                note(str(error))

    def _tell_prefect(self, what: str, payload: dict[str, str]) -> None:
        if self._prefect:
            from tasks.prefect_events import emit

            emit(
                f"windtunnel.halt.{what}",
                resource=f"windtunnel.lever.{self._name or 'default'}",
                name=f"safety lever of {self._label}",
                now=self._clock.now(),
                payload={**payload, "cluster": self._label},
            )

    def _tell_slack(self, text: str) -> None:
        from windtunnel.clients.slack import slack_from_environment
        from windtunnel.report.slack_blocks import plain_message

        slack = slack_from_environment(lab=self._name == LAB)
        if slack and self.policy.slack_channel:
            slack.post(self.policy.slack_channel, plain_message(text))


def _places(places: Iterable[str]) -> str:
    return " and ".join(places)


def moment(text: str, zone: str) -> datetime:
    """Read an end: a duration from now, or an instant, in *zone* where it has no offset of its own.

    Raises:
        InputError: it is neither, or has passed.
    """
    now = SystemClock().now()
    try:
        at = datetime.fromisoformat(text) if "T" in text else now + timedelta(seconds=parse_duration(text))
    except ValueError as error:
        msg = f"--until {text}: write a duration like 2h, or an instant like 2026-12-01T10:00 ({error})"
        raise InputError(msg) from error
    end = (at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)
    if end <= now:
        msg = f"--until {text} has passed"
        raise InputError(msg)
    return end


def who() -> str:
    """Return who works here, as user@machine."""
    import getpass
    import platform

    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        user = "unknown"
    return f"{user}@{platform.node()}"


def _policy() -> tuple[Policy, InputError | None]:
    """Read the policy here, or say what is wrong with it: it must not stand in the way."""
    try:
        return load_policies(Path.cwd()), None
    except InputError as error:
        return Policy(), error


def known_prefect() -> str:
    """Return the Prefect server that is configured or stands here; "" when there is none to write to."""
    if not os.environ.get("PREFECT_API_URL", "").strip() and standing_server() is None:
        return ""
    try:
        return connect_to_prefect(say=note)
    except InputError:
        return os.environ.get("PREFECT_API_URL", "").strip()  # it does not answer: writing will say so
