"""Slack's Web API methods, each a function from arguments to an answer."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from infra.lab.recorder.memory import File, Memory, Message
from infra.lab.recorder.slack_blocks import problems

Json = dict[str, Any]

MAX_TEXT = 40_000
TEAM = {"team": "The lab", "team_id": "T0LAB0000"}
BOT = {"user": "windtunnel", "user_id": "U0WINDTUN", "bot_id": "B0WINDTUN"}


class SlackError(Exception):
    """A refusal as Slack words it; *details* join the answer."""

    def __init__(self, error: str, **details: Any) -> None:
        super().__init__(error)
        self.details = details


@dataclass(frozen=True, slots=True)
class Call:
    """One call: its arguments, what is kept, and the address files are uploaded to."""

    given: Json
    memory: Memory
    base_url: str

    def text(self, name: str) -> str:
        """Return an argument as text, empty where it is absent."""
        value = self.given.get(name)
        return "" if value is None else str(value)

    def listed(self, name: str) -> list[Json]:
        """Return an argument that is a list of objects, or such a list written as JSON."""
        value = self.given.get(name) or []
        try:
            value = json.loads(value) if isinstance(value, str) else value
        except ValueError:
            value = None
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            error = f"invalid_{name}"
            raise SlackError(error)
        return value

    def number(self, name: str, default: int) -> int:
        """Return an argument that is a whole number."""
        text = self.text(name) or str(default)
        if not text.isdigit():
            error = f"invalid_{name}"
            raise SlackError(error)
        return int(text)

    def channel(self, name: str = "channel", *, by_name: bool = False) -> tuple[str, str]:
        """Return id and name of the channel of an argument.

        As in the real Slack, only posting takes a channel's name; everything else wants its id.
        """
        given = self.text(name)
        found = self.memory.slack.channel(given) if given else None
        if found is None or not (by_name or found[0] == given):
            error = "channel_not_found"
            raise SlackError(error)
        return found

    def message(self, ts: str) -> Message:
        """Return the message that the arguments name."""
        ident, _ = self.channel()
        found = self.memory.slack.messages.get((ident, self.text(ts)))
        if found is None:
            error = "message_not_found"
            raise SlackError(error)
        return found


def _content(call: Call) -> Json:
    blocks, attachments, text = call.listed("blocks"), call.listed("attachments"), call.text("text")
    if not (blocks or attachments or text):
        error = "no_text"
        raise SlackError(error)
    if len(text) > MAX_TEXT:
        error = "msg_too_long"
        raise SlackError(error)
    against = problems(blocks)
    if against:
        error = "invalid_blocks"
        raise SlackError(error, errors=against, response_metadata={"messages": against})
    return {"text": text, "blocks": blocks, "attachments": attachments}


def _shown(message: Message) -> Json:
    shown: Json = {
        "type": "message",
        "ts": message.ts,
        "text": message.text,
        "user": BOT["user_id"],
        "bot_id": BOT["bot_id"],
        "blocks": message.blocks,
        "attachments": message.attachments,
    }
    if message.thread_ts:
        shown["thread_ts"] = message.thread_ts
    if message.edited_ts:
        shown["edited"] = {"user": BOT["user_id"], "ts": message.edited_ts}
    if message.reactions:
        shown["reactions"] = [{"name": name, "count": count} for name, count in message.reactions.items()]
    if message.files:
        shown["files"] = message.files
    return shown


def auth_test(_: Call) -> Json:
    """Say who the token stands for."""
    return {"url": "http://the-lab.slack.test/", **TEAM, **BOT}


def post_message(call: Call, *, only_for: str = "") -> Json:
    """Post to a channel or a thread."""
    ident, name = call.channel(by_name=True)
    message = Message(
        channel=ident,
        channel_name=name,
        ts=call.memory.slack.next_ts(),
        thread_ts=call.text("thread_ts"),
        username=call.text("username") or BOT["user"],
        icon=call.text("icon_emoji"),
        only_for=only_for,
        **_content(call),
    )
    call.memory.slack.keep(message)
    return {"channel": ident, "ts": message.ts, "message": _shown(message)}


def post_ephemeral(call: Call) -> Json:
    """Post for one user's eyes."""
    if not call.text("user"):
        error = "user_not_in_channel"
        raise SlackError(error)
    return {"message_ts": post_message(call, only_for=call.text("user"))["ts"]}


def update(call: Call) -> Json:
    """Change a message; its earlier version is kept for the reader."""
    message = call.message("ts")
    content = _content(call)
    earlier = {"text": message.text, "blocks": message.blocks, "at": message.edited_ts or message.ts}
    message.before.append(earlier)
    message.text, message.blocks, message.attachments = (
        content["text"],
        content["blocks"],
        content["attachments"],
    )
    message.edited_ts = call.memory.slack.next_ts()
    return {"channel": message.channel, "ts": message.ts, "text": message.text, "message": _shown(message)}


def delete(call: Call) -> Json:
    """Delete a message."""
    message = call.message("ts")
    del call.memory.slack.messages[message.channel, message.ts]
    return {"channel": message.channel, "ts": message.ts}


def permalink(call: Call) -> Json:
    """Return an address that shows a message."""
    message = call.message("message_ts")
    return {"channel": message.channel, "permalink": f"{call.base_url}/#m{message.ts}"}


def react(call: Call) -> Json:
    """Add a reaction."""
    message, name = call.message("timestamp"), call.text("name").strip(":")
    if not name or name in message.reactions:
        raise SlackError("already_reacted" if name else "invalid_name")
    message.reactions[name] = 1
    return {}


def unreact(call: Call) -> Json:
    """Take a reaction back."""
    message, name = call.message("timestamp"), call.text("name").strip(":")
    if name not in message.reactions:
        error = "no_reaction"
        raise SlackError(error)
    del message.reactions[name]
    return {}


def _conversation(ident: str, name: str) -> Json:
    return {"id": ident, "name": name, "is_channel": True, "is_member": True, "is_archived": False}


def conversations_list(call: Call) -> Json:
    """List the channels."""
    channels = [_conversation(ident, name) for ident, name in call.memory.slack.channels.items()]
    return {"channels": channels, "response_metadata": {"next_cursor": ""}}


def conversations_info(call: Call) -> Json:
    """Describe or join a channel: both answer with it."""
    return {"channel": _conversation(*call.channel())}


def conversations_create(call: Call) -> Json:
    """Make a channel."""
    name = call.text("name").removeprefix("#")
    if not name or name in call.memory.slack.channels.values():
        raise SlackError("name_taken" if name else "invalid_name_required")
    return {"channel": _conversation(*call.channel("name", by_name=True))}


def conversations_open(call: Call) -> Json:
    """Open a direct conversation with users."""
    ident, name = call.channel("users", by_name=True)
    return {"channel": _conversation(ident, name)}


def _page(call: Call, messages: list[Message]) -> Json:
    limit = call.number("limit", 100)
    shown = [_shown(message) for message in messages[:limit]]
    return {"messages": shown, "has_more": len(messages) > limit, "response_metadata": {"next_cursor": ""}}


def conversations_history(call: Call) -> Json:
    """Return a channel's messages, newest first, without those inside threads."""
    ident, _ = call.channel()
    kept = call.memory.slack.messages.values()
    top = [m for m in kept if m.channel == ident and m.thread_ts in ("", m.ts) and not m.only_for]
    return _page(call, top[::-1])


def conversations_replies(call: Call) -> Json:
    """Return a thread, its first message first."""
    first = call.message("ts")
    thread = first.thread_ts or first.ts
    kept = call.memory.slack.messages.values()
    return _page(call, [m for m in kept if m.channel == first.channel and thread in (m.ts, m.thread_ts)])


def upload_url(call: Call) -> Json:
    """Say where to send a file's bytes."""
    name, length = call.text("filename"), call.text("length")
    if not name or not length.isdigit() or int(length) == 0:
        error = "invalid_arguments"
        raise SlackError(error)
    ident = "F" + uuid4().hex[:10].upper()
    call.memory.slack.keep_file(File(ident, name, b""))
    return {"upload_url": f"{call.base_url}/slack/upload/{ident}", "file_id": ident}


def complete_upload(call: Call) -> Json:
    """Share uploaded files in a channel or thread."""
    files = []
    for given in call.listed("files"):
        kept = call.memory.slack.files.get(str(given.get("id")))
        if kept is None or not kept.content:
            error = "file_not_found"
            raise SlackError(error)
        address = f"{call.base_url}/files/{kept.id}/{kept.name}"
        files.append({"id": kept.id, "name": kept.name, "title": given.get("title") or kept.name,
                      "size": len(kept.content), "permalink": address, "url_private": address})  # fmt: skip
    if call.text("channel_id") or call.text("channels"):
        ident, name = call.channel("channel_id" if call.text("channel_id") else "channels")
        ts = call.memory.slack.next_ts()
        comment = call.text("initial_comment")
        thread = call.text("thread_ts")
        call.memory.slack.keep(Message(ident, name, ts, comment, thread_ts=thread, files=files))
    return {"files": files}


METHODS: dict[str, Callable[[Call], Json]] = {
    "auth.test": auth_test,
    "chat.postMessage": post_message,
    "chat.postEphemeral": post_ephemeral,
    "chat.update": update,
    "chat.delete": delete,
    "chat.getPermalink": permalink,
    "reactions.add": react,
    "reactions.remove": unreact,
    "conversations.list": conversations_list,
    "conversations.info": conversations_info,
    "conversations.join": conversations_info,
    "conversations.open": conversations_open,
    "conversations.create": conversations_create,
    "conversations.history": conversations_history,
    "conversations.replies": conversations_replies,
    "files.getUploadURLExternal": upload_url,
    "files.completeUploadExternal": complete_upload,
}
