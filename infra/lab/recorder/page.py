"""The page at /: Slack's threads by channel, then PagerDuty and Alertmanager."""

from collections import defaultdict
from datetime import UTC, datetime
from html import escape
from pathlib import Path

from infra.lab.recorder.block_page import attachments_html, blocks_html
from infra.lab.recorder.memory import Json, Memory, Message
from infra.lab.recorder.mrkdwn import plain, to_html

STYLE = (Path(__file__).parent / "page.css").read_text()
RELOAD = """
let seen = null;
setInterval(async () => {
  try {
    const now = await (await fetch("/revision")).text();
    if (seen !== null && now !== seen) location.reload();
    seen = now;
  } catch (gone) { document.title = "(stopped) " + document.title.replace("(stopped) ", ""); }
}, 2000);
"""


def page(memory: Memory) -> str:
    """Return the whole page, the newest threads first."""
    messages = memory.slack.messages.values()
    channels: defaultdict[str, list[Message]] = defaultdict(list)
    for message in messages:
        channels[message.channel_name].append(message)
    names = "".join(
        f'<a href="#c-{escape(name)}"># {escape(name)} <small>{len(kept)}</small></a>'
        for name, kept in sorted(channels.items())
    )
    body = "".join(_channel(name, kept) for name, kept in sorted(channels.items()))
    more = [
        _incidents(list(memory.incidents.values())),
        _alerts(list(memory.alerts.values())),
        _refused(memory),
    ]
    empty = '<p class="empty">Nothing was sent yet. Point slack-sdk at <code>/slack/api/</code>.</p>'
    nothing = "" if messages or any(more) else empty
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>The lab's recorder</title><style>{STYLE}</style><nav><h1>The lab</h1>{names}"
        f'<a href="#pagerduty">PagerDuty <small>{len(memory.incidents)}</small></a>'
        f'<a href="#alertmanager">Alertmanager <small>{len(memory.alerts)}</small></a>'
        f'<a href="/messages.json">as JSON</a></nav><main>{nothing}{body}{"".join(more)}</main>'
        f"<script>{RELOAD}</script></html>"
    )


def _channel(name: str, messages: list[Message]) -> str:
    replies: defaultdict[str, list[Message]] = defaultdict(list)
    for message in messages:
        if message.thread_ts and message.thread_ts != message.ts:
            replies[message.thread_ts].append(message)
    first = [m for m in messages if m.thread_ts in ("", m.ts)]
    orphans = [m for ts, kept in replies.items() if ts not in {m.ts for m in first} for m in kept]
    threads = "".join(_thread(message, replies[message.ts]) for message in [*first, *orphans][::-1])
    return f'<section id="c-{escape(name)}"><h2># {escape(name)}</h2>{threads}</section>'


def _thread(message: Message, replies: list[Message]) -> str:
    if not replies:
        return f'<article class="thread">{_message(message)}</article>'
    count = "1 reply" if len(replies) == 1 else f"{len(replies)} replies"
    inner = "".join(map(_message, replies))
    return (
        f'<article class="thread">{_message(message)}<div class="count">{count}</div>'
        f'<div class="replies">{inner}</div></article>'
    )


def _message(message: Message) -> str:
    text = "" if message.blocks else f"<div>{to_html(message.text)}</div>"
    note = " <small>(edited)</small>" if message.edited_ts else ""
    note += f" <small>only visible to {escape(message.only_for)}</small>" if message.only_for else ""
    icon = plain(message.icon) if message.icon else escape(message.username[:1].upper())
    reactions = "".join(
        f'<span class="reaction">{plain(f":{name}:")} {count}</span>'
        for name, count in message.reactions.items()
    )
    return (
        f'<div class="message" id="m{escape(message.ts)}"><div class="icon">{icon}</div><div class="content">'
        f"<b>{escape(message.username)}</b> <time>{_clock(message.ts)}</time>{note}"
        f"{text}{blocks_html(message.blocks)}{attachments_html(message.attachments)}{_files(message.files)}"
        f"{_earlier(message)}{reactions}</div></div>"
    )


def _files(files: list[Json]) -> str:
    out = []
    for file in files:
        address, title = escape(str(file["url_private"])), escape(str(file["title"]))
        picture = str(file["name"]).lower().endswith((".png", ".jpg", ".jpeg", ".gif", ".webp"))
        shown = f'<img src="{address}" alt="{title}">' if picture else ""
        out.append(f'<figure><figcaption><a href="{address}">{title}</a></figcaption>{shown}</figure>')
    return "".join(out)


def _earlier(message: Message) -> str:
    if not message.before:
        return ""
    versions = "".join(
        f"<div>{blocks_html(old['blocks']) or to_html(old['text'])}</div>" for old in message.before[-20:]
    )
    return f'<details class="earlier"><summary>{len(message.before)} earlier</summary>{versions}</details>'


def _incidents(incidents: list[Json]) -> str:
    rows = [[i["status"], i["title"], i["urgency"], i["service"]["id"], i["created_at"]] for i in incidents]
    return _table(
        "pagerduty", "PagerDuty incidents", ["status", "title", "urgency", "service", "since"], rows
    )


def _alerts(alerts: list[Json]) -> str:
    rows = []
    for alert in alerts:
        labels = ", ".join(f"{name}={value}" for name, value in sorted(alert["labels"].items()))
        rows.append([labels, alert["annotations"].get("summary", ""), alert["startsAt"], alert["endsAt"]])
    return _table("alertmanager", "Alertmanager alerts", ["labels", "summary", "from", "until"], rows)


def _refused(memory: Memory) -> str:
    rows = [[r["service"], r["what"], str(r["status"])] for r in memory.refused]
    return _table("refused", "Refused on request", ["service", "call", "status"], rows)


def _table(ident: str, title: str, names: list[str], rows: list[list[str]]) -> str:
    if not rows:
        return ""
    head = "".join(f"<th>{name}</th>" for name in names)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows[::-1]
    )
    return f'<section id="{ident}"><h2>{title}</h2><table><tr>{head}</tr>{body}</table></section>'


def _clock(ts: str) -> str:
    return datetime.fromtimestamp(float(ts), UTC).strftime("%H:%M:%S UTC")
