"""Slack: post a message, reply in its thread, change it. Failures are NotifyError; the token never shows."""

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, Protocol

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.http_retry import HttpRequest, HttpResponse, RetryState
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler

from windtunnel.clients.installation import running_lab
from windtunnel.model.errors import NotifyError
from windtunnel.redaction import learn, redact_all

TOKEN = "SLACK_BOT_TOKEN"  # noqa: S105 - the name of the variable, not its value
ADDRESS = "SLACK_API_URL"
REAL = "https://slack.com/api/"
LAB_TOKEN = "xoxb-lab"  # noqa: S105 - the lab's recorder takes any token
TIMEOUT_S = 5
PATIENCE_S = 30  # the longest Retry-After that is waited for
RETRIES = 2
_TOO_MANY = 429
_LONGEST_CODE = 40  # Slack's error codes are single words; anything longer is a proxy's page

_ADVICE = {
    "channel_not_found": "create the channel, or correct its name in the experiment or the policy",
    "not_in_channel": "invite the app to the channel",
    "is_archived": "the channel is archived; name another one",
    "invalid_auth": f"the token in {TOKEN} is not valid",
    "not_authed": f"set {TOKEN} to a bot token",
    "account_inactive": f"the token in {TOKEN} belongs to a removed app",
    "token_revoked": f"the token in {TOKEN} was revoked",
    "token_expired": f"the token in {TOKEN} has expired",
    "missing_scope": "give the app the scope chat:write",
    "invalid_blocks": "this is an error in windtunnel; please report it",
    "ratelimited": f"Slack asked to wait longer than {PATIENCE_S} s",
}


class Sendable(Protocol):
    """What can be sent: text for the notification, blocks for the screen."""

    @property
    def text(self) -> str:
        """What a notification shows."""

    @property
    def blocks(self) -> Sequence[dict[str, Any]]:
        """What the channel shows, as Block Kit."""

    @property
    def mentions(self) -> bool:
        """Whether names like @payments-sre shall call somebody."""


@dataclass(frozen=True, slots=True)
class Posted:
    """Where a message is: Slack's id of the channel, and the message's time stamp, which is its id."""

    channel: str
    ts: str


class Slack:
    """One workspace. Every call ends within seconds, or within *PATIENCE_S* where Slack asks to wait."""

    def __init__(self, *, token: str, api_url: str = REAL, timeout_s: int = TIMEOUT_S) -> None:
        self._token = token
        self._where = api_url.rstrip("/") + "/"
        self._client = WebClient(
            token=token,
            base_url=self._where,
            timeout=timeout_s,
            logger=_quiet(),
            retry_handlers=[_PatientHandler(max_retry_count=RETRIES)],
        )

    def post(self, channel: str, message: Sendable, *, thread: str = "") -> Posted:
        """Post *message* to *channel*, or into the thread of the message whose time stamp is *thread*.

        Raises:
            NotifyError: Slack does not answer, or refuses.
        """
        answer = self._call(
            "chat.postMessage",
            channel,
            {
                "channel": channel,
                "unfurl_links": False,
                "unfurl_media": False,
                **_content(message),
                **({"thread_ts": thread} if thread else {}),
            },
        )
        return Posted(channel=str(answer.get("channel", channel)), ts=str(answer.get("ts", "")))

    def workspace(self) -> str:
        """Return who this token is and where, as Slack says it.

        Raises:
            NotifyError: the token is not accepted, or Slack could not be asked.
        """
        answer = self._call("auth.test", "the workspace", {})
        return f"{answer.get('user', 'a bot')} in {answer.get('team', 'a workspace')}"

    def update(self, posted: Posted, message: Sendable) -> None:
        """Put *message* in the place of one that was posted.

        Raises:
            NotifyError: Slack does not answer, or refuses.
        """
        body = {"channel": posted.channel, "ts": posted.ts, **_content(message)}
        self._call("chat.update", posted.channel, body)

    def _call(self, method: str, channel: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            answer = self._client.api_call(method, json=redact_all(body)).data
        except SlackApiError as error:
            raise NotifyError(self._clean(_refusal(channel, error))) from None  # its text holds the request
        except (SlackClientError, OSError, HTTPException, ValueError) as error:
            why = getattr(error, "reason", None) or error
            msg = f"Slack at {self._where} could not be reached: {why}. The run goes on without it."
            raise NotifyError(self._clean(msg)) from None
        return answer if isinstance(answer, dict) else {}

    def _clean(self, text: str) -> str:
        return text.replace(self._token, "***") if self._token else text


def slack_from_environment(*, lab: bool = False) -> Slack | None:
    """Return the workspace of `SLACK_BOT_TOKEN` (at `SLACK_API_URL`), or None where there is none.

    Args:
        lab: The run's target is the lab: without a token, its recorder stands for Slack.

    Raises:
        InputError: the lab's file cannot be read.
    """
    if token := os.environ.get(TOKEN, "").strip():
        learn(token)
        return Slack(token=token, api_url=os.environ.get(ADDRESS, "").strip() or REAL)
    if lab and (instance := running_lab()) is not None and instance.slack_api:
        return Slack(token=LAB_TOKEN, api_url=instance.slack_api)
    return None


class _PatientHandler(RateLimitErrorRetryHandler):
    """Waits as long as Slack asks, unless that is too long for a run to wait."""

    def _can_retry(
        self,
        *,
        state: RetryState,  # noqa: ARG002 - slack-sdk's interface
        request: HttpRequest,  # noqa: ARG002
        response: HttpResponse | None = None,
        error: Exception | None = None,  # noqa: ARG002
    ) -> bool:
        if response is None or response.status_code != _TOO_MANY:
            return False
        asked = [value for name, value in response.headers.items() if name.lower() == "retry-after"]
        first = str(asked[0][0]) if asked else "1"
        return first.isdecimal() and int(first) <= PATIENCE_S


def _content(message: Sendable) -> dict[str, Any]:
    return {
        "text": message.text,
        "blocks": list(message.blocks),
        "link_names": message.mentions,
    }


def _refusal(channel: str, error: SlackApiError) -> str:
    response: Any = error.response  # a SlackResponse, or a plain dict where the answer was no JSON
    answer = getattr(response, "data", response)
    status = getattr(response, "status_code", None) or (
        answer.get("status") if isinstance(answer, dict) else "?"
    )
    found = str(answer.get("error", "")) if isinstance(answer, dict) else ""
    reason = (
        found if found and len(found) <= _LONGEST_CODE else f"HTTP status {status}, not an answer of Slack's"
    )
    advice = _ADVICE.get(reason, f"see {ADDRESS} and Slack's page on chat.postMessage")
    return f"Slack refused the message to {channel}: {reason} ({advice}). The run goes on without it."


def _quiet() -> logging.Logger:
    """Return a logger that says nothing: what fails is raised, and slack-sdk would log requests."""
    logger = logging.getLogger("windtunnel.slack")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    return logger
