"""Both places of the safety lever at once, and whoever is told of it."""

import os
from collections.abc import Callable
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

    def form(self) -> dict[str, Any]:
        """Return it as JSON values."""
        moved = {"was_pulled": bool(self.done)} if not self.pulled else {}
        return {"pulled": self.pulled, **self.told, **moved, "places": self.done, "failed": self.failed}


class Lever:
    """The lever of one cluster and of the Prefect server that is known here."""

    def __init__(self, cluster: str) -> None:
        self._name = cluster
        self.policy = _policy(required=bool(cluster))
        self._cluster = connect(cluster_entry(self.policy, cluster))
        self._clock = SystemClock()
        self._prefect = _known_prefect()

    def pull(self, reason: str, *, until: datetime | None) -> Outcome:
        """Pull it in both places; whoever cannot be reached is named in the outcome."""
        now = self._clock.now()
        told = halt.told(reason=reason, by=who(), now=now, until=until)
        lever = halt.Lever(pulled=True, **told)

        def on_cluster() -> bool:
            halt.pull(self._cluster, reason=reason, by=told["by"], now=now, until=until)
            return True

        def on_prefect() -> bool:
            from tasks.prefect_variables import write_variable

            write_variable(halt.VARIABLE, told)
            return True

        outcome = self._move(Outcome(pulled=True, words=str(lever), told=told), on_cluster, on_prefect)
        if outcome.done:
            self._tell("pulled", f":octagonal_sign: *Halted* {lever}", told)
        return outcome

    def release(self) -> Outcome:
        """Release it in both places; one that cannot be reached still holds."""

        def on_prefect() -> bool:
            from tasks.prefect_variables import delete_variable

            return delete_variable(halt.VARIABLE)

        outcome = self._move(Outcome(pulled=False), lambda: halt.release(self._cluster), on_prefect)
        if outcome.done:
            self._tell("released", f":large_green_circle: *Resumed* by {who()}", {"by": who()})
        return outcome

    def _move(
        self, outcome: Outcome, on_cluster: Callable[[], bool], on_prefect: Callable[[], bool]
    ) -> Outcome:
        places = {self._cluster.label: on_cluster}
        if self._prefect:
            places[f"Prefect at {self._prefect}"] = on_prefect
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
                name=f"safety lever of {self._cluster.label}",
                now=self._clock.now(),
                payload={**payload, "cluster": self._cluster.label},
            )

    def _tell_slack(self, text: str) -> None:
        from windtunnel.clients.slack import slack_from_environment
        from windtunnel.report.slack_blocks import plain_message

        slack = slack_from_environment(lab=self._name == LAB)
        if slack and self.policy.slack_channel:
            slack.post(self.policy.slack_channel, plain_message(f"{text} on {self._cluster.label}"))


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


def _policy(*, required: bool) -> Policy:
    """Read the policy here. Where only Slack is at stake, a broken one must not stand in the way."""
    try:
        return load_policies(Path.cwd())
    except InputError as error:
        if required:
            raise
        note(f"The policy cannot be read, so nobody is told in Slack: {str(error).splitlines()[0]}")
        return Policy()


def _known_prefect() -> str:
    """Return the Prefect server that is configured or stands here; "" when there is none to write to."""
    if not os.environ.get("PREFECT_API_URL", "").strip() and standing_server() is None:
        return ""
    try:
        return connect_to_prefect(say=note)
    except InputError:
        return os.environ.get("PREFECT_API_URL", "").strip()  # it does not answer: writing will say so
