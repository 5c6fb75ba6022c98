"""Tell Slack what happens, from a thread of its own: a slow or refusing Slack never delays a run."""

import queue
import threading
from collections.abc import Callable
from datetime import timedelta
from types import TracebackType
from typing import Self

from prefect.runtime import flow_run

from tasks.live_run import LiveRun
from windtunnel.clients.installation import LAB
from windtunnel.clients.slack import Posted, Slack, slack_from_environment
from windtunnel.model.errors import LedgerError, WindtunnelError
from windtunnel.model.record import Event, EventKind
from windtunnel.model.verdict import Judgement
from windtunnel.report import slack_blocks

PATIENCE_S = 10.0  # at the end of a run, for what is still unsent


class Notifier:
    """One Slack thread for one run. Without a channel or a token it stays silent.

    What cannot be delivered is put on record once, and changes nothing else.
    """

    def __init__(self, run: LiveRun) -> None:
        self._run = run
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="notifier", daemon=True)
        self._ui_url = flow_run.ui_url or ""  # asked here: Prefect knows it only in the flow's own thread
        self._until = run.clock.now() + timedelta(
            seconds=run.experiment.duration_s + run.experiment.recover_within_s
        )
        self._slack: Slack | None = None
        self._channel = run.experiment.slack_channel or run.policy.slack_channel
        self._first: Posted | None = None
        self._refused = False

    def __enter__(self) -> Self:
        self._thread.start()
        self._jobs.put(self._announce)
        self._run.listen(self._offer)
        self._run.when_judged(self.conclude)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._jobs.put(None)
        self._thread.join(PATIENCE_S)

    def conclude(self, judgement: Judgement) -> None:
        """Tell the verdict and put it into the first message; wait, bounded, until all is sent."""
        sent = threading.Event()
        self._jobs.put(lambda: self._conclude(judgement))
        self._jobs.put(sent.set)
        sent.wait(PATIENCE_S)

    def _offer(self, event: Event) -> None:
        if event.kind not in {EventKind.NOTIFIED, EventKind.NOTIFY_FAILED}:
            self._jobs.put(lambda: self._reply(event))

    def _announce(self) -> None:
        if not self._channel:
            return
        self._slack = slack_from_environment(lab=self._run.experiment.target.cluster == LAB)
        if self._slack:
            message = slack_blocks.announcement(
                self._run.experiment, run_id=self._run.run_id, until=self._until, ui_url=self._ui_url
            )
            self._first = self._slack.post(self._channel, message)
            self._run.happened(EventKind.NOTIFIED, f"Slack was told in {self._channel}.", ts=self._first.ts)

    def _reply(self, event: Event) -> None:
        message = slack_blocks.reply(event)
        if self._slack and self._first and message:
            self._slack.post(self._first.channel, message, thread=self._first.ts)

    def _conclude(self, judgement: Judgement) -> None:
        if self._slack and self._first:
            message = slack_blocks.verdict(self._run.experiment, judgement)
            self._slack.post(self._first.channel, message, thread=self._first.ts)
            last = slack_blocks.concluded(
                self._run.experiment,
                judgement,
                run_id=self._run.run_id,
                until=self._until,
                ui_url=self._ui_url,
            )
            self._slack.update(self._first, last)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job()
            except LedgerError as error:
                self._run.stop("error", f"The record can no longer be written: {error}")
            except WindtunnelError as error:
                self._note(str(error))
            except Exception as error:  # noqa: BLE001 - a thread that dies in silence tells nobody anything
                self._note(f"Slack could not be told: {type(error).__name__}: {error}")

    def _note(self, why: str) -> None:
        """Put the first failure on record; the others would only repeat it."""
        if self._refused:
            return
        self._refused = True
        try:
            self._run.happened(EventKind.NOTIFY_FAILED, why)
        except LedgerError as lost:
            self._run.stop("error", f"The record can no longer be written: {lost}")
