"""What the recorder keeps: Slack's conversations and files, PagerDuty's incidents, Alertmanager's alerts."""

import hashlib
import time
from collections import OrderedDict, deque
from dataclasses import asdict, dataclass, field
from typing import Any

MAX_MESSAGES = 2000
MAX_FILES_BYTES = 64 * 1024 * 1024
MAX_EVENTS = 1000

Json = dict[str, Any]


@dataclass(slots=True)
class Message:
    """One Slack message, as it reads now; *before* holds its earlier versions, oldest first."""

    channel: str
    channel_name: str
    ts: str
    text: str = ""
    thread_ts: str = ""
    blocks: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    username: str = "windtunnel"
    icon: str = ""
    only_for: str = ""
    edited_ts: str = ""
    reactions: dict[str, int] = field(default_factory=dict)
    files: list[Json] = field(default_factory=list)
    before: list[Json] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class File:
    """One uploaded file."""

    id: str
    name: str
    content: bytes


class Slack:
    """The conversations of one workspace."""

    def __init__(self) -> None:
        self.messages: OrderedDict[tuple[str, str], Message] = OrderedDict()
        self.channels: dict[str, str] = {}
        self.files: OrderedDict[str, File] = OrderedDict()
        self._last_ts = 0

    def next_ts(self) -> str:
        """Return a message timestamp: Unix seconds with six digits, never the same twice."""
        self._last_ts = max(time.time_ns() // 1000, self._last_ts + 1)
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def channel(self, given: str) -> tuple[str, str] | None:
        """Return id and name of a channel given by either; a new name makes a channel, a new id does not."""
        if given in self.channels:
            return given, self.channels[given]
        if given[:1] in "CGDU" and given.isalnum() and given.isupper() and len(given) >= 9:
            return None
        name = given.removeprefix("#").removeprefix("@")
        if not name:
            return None
        digest = hashlib.sha256(name.encode()).hexdigest()
        ident = ("U" if given.startswith("@") else "C") + digest[:10].upper()
        self.channels[ident] = name
        return ident, name

    def keep(self, message: Message) -> None:
        """Keep *message*, and forget the oldest beyond the bound."""
        self.messages[message.channel, message.ts] = message
        while len(self.messages) > MAX_MESSAGES:
            self.messages.popitem(last=False)

    def keep_file(self, file: File) -> None:
        """Keep *file*, and forget the oldest beyond the bound."""
        self.files[file.id] = file
        while sum(len(f.content) for f in self.files.values()) > MAX_FILES_BYTES:
            self.files.popitem(last=False)


class Memory:
    """Everything the recorder keeps; *revision* grows with every change."""

    def __init__(self) -> None:
        self.revision = 0
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.slack = Slack()
        self.pagerduty_events: deque[Json] = deque(maxlen=MAX_EVENTS)
        self.incidents: OrderedDict[str, Json] = OrderedDict()
        self.alerts: OrderedDict[str, Json] = OrderedDict()
        self.refused: deque[Json] = deque(maxlen=MAX_EVENTS)
        self.changed()

    def changed(self) -> None:
        """Note a change, so that an open page reloads; and bound what has no bound of its own."""
        self.revision += 1
        for kept in (self.incidents, self.alerts):
            while len(kept) > MAX_EVENTS:
                kept.popitem(last=False)

    def document(self, *, channel: str = "") -> Json:
        """Return everything as JSON-ready values, Slack's messages of one channel only where one is given."""
        wanted = channel.removeprefix("#")
        return {
            "revision": self.revision,
            "slack": [
                asdict(message)
                for message in self.slack.messages.values()
                if not wanted or wanted in (message.channel, message.channel_name)
            ],
            "pagerduty": list(self.pagerduty_events),
            "incidents": list(self.incidents.values()),
            "alerts": list(self.alerts.values()),
            "refused": list(self.refused),
        }
