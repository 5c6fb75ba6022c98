"""Slack's mrkdwn as HTML, escaped; what is no known markup stays text."""

import re
from html import escape, unescape
from urllib.parse import urlsplit

EMOJI = {
    "white_check_mark": "✅", "heavy_check_mark": "✔️", "x": "❌", "warning": "⚠️", "rotating_light": "🚨",
    "no_entry": "⛔", "no_entry_sign": "🚫", "octagonal_sign": "🛑", "hourglass": "⌛", "stopwatch": "⏱️",
    "hourglass_flowing_sand": "⏳", "tornado": "🌪️", "wind_blowing_face": "🌬️", "dash": "💨", "boom": "💥",
    "fire": "🔥", "question": "❓", "grey_question": "❔", "large_green_circle": "🟢", "red_circle": "🔴",
    "large_yellow_circle": "🟡", "large_orange_circle": "🟠", "large_blue_circle": "🔵", "white_circle": "⚪",
    "bar_chart": "📊", "chart_with_upwards_trend": "📈", "chart_with_downwards_trend": "📉", "link": "🔗",
    "leftwards_arrow_with_hook": "↩️", "arrow_right": "➡️", "information_source": "\u2139\ufe0f", "tada": "🎉",
    "eyes": "👀", "test_tube": "🧪", "microscope": "🔬", "shield": "🛡️", "lock": "🔒", "calendar": "📅",
    "clock1": "🕐", "memo": "📝", "bell": "🔔", "mag": "🔍", "thumbsup": "👍", "+1": "👍", "wrench": "🔧",
    "broom": "🧹", "skull": "💀", "zap": "⚡", "rocket": "🚀", "raised_hand": "✋", "pause_button": "⏸️",
}  # fmt: skip

_ANGLE = re.compile(r"<([^<>\n]+)>")
_CODE = re.compile(r"```\n?(.*?)```|`([^`\n]+)`", re.DOTALL)
_INLINE = (
    (re.compile(r"(?<![\w*])\*(?!\s)([^*\n]+?)(?<!\s)\*(?![\w*])"), r"<b>\1</b>"),
    (re.compile(r"(?<![\w_])_(?!\s)([^_\n]+?)(?<!\s)_(?![\w_])"), r"<i>\1</i>"),
    (re.compile(r"(?<![\w~])~(?!\s)([^~\n]+?)(?<!\s)~(?![\w~])"), r"<s>\1</s>"),
)
_NAME = re.compile(r":([a-z0-9_+-]+):")
_QUOTE = re.compile(r"(?:^|(?<=\n))&gt; ?([^\n]*)(?:\n|$)")


def to_html(text: str) -> str:
    """Return mrkdwn *text* as HTML."""
    out, at = [], 0
    for code in _CODE.finditer(text):
        out.append(_prose(text[at : code.start()]))
        block, inline = code.groups()
        out.append(f"<pre>{_safe(block)}</pre>" if block is not None else f"<code>{_safe(inline)}</code>")
        at = code.end()
    out.append(_prose(text[at:]))
    return "".join(out)


def plain(text: str) -> str:
    """Return plain *text* as HTML, emoji names replaced."""
    return _emoji(_safe(text)).replace("\n", "<br>")


def _safe(text: str) -> str:
    return escape(unescape(text))  # senders escape &, < and > themselves


def _emoji(text: str) -> str:
    return _NAME.sub(lambda match: EMOJI.get(match[1], match[0]), text)


def _prose(text: str) -> str:
    kept: list[str] = []

    def keep(match: re.Match[str]) -> str:
        kept.append(_angle(match[1]))
        return f"\x00{len(kept) - 1}\x00"

    html = _safe(_ANGLE.sub(keep, text.replace("\x00", "")))
    for pattern, replacement in _INLINE:
        html = pattern.sub(replacement, html)
    html = _QUOTE.sub(r"<blockquote>\1</blockquote>", html)
    html = _emoji(html).replace("\n", "<br>")
    return re.sub(r"\x00(\d+)\x00", lambda match: kept[int(match[1])], html)


def _angle(inside: str) -> str:
    """Return what stands for ``<inside>``: a link, a mention, a date."""
    target, _, label = inside.partition("|")
    if target.startswith(("@", "#")):
        return f'<span class="mention">{_safe(target[0] + (label or target[1:]))}</span>'
    if target.startswith("!date^"):
        return _safe(label)
    if target.startswith("!"):
        return f'<span class="mention">{_safe(label or "@" + target[1:])}</span>'
    return link(target, _safe(label or target))


def link(address: str, label: str) -> str:
    """Return a link around *label* (HTML); only to web and mail addresses."""
    address = unescape(address)
    if urlsplit(address).scheme not in ("http", "https", "mailto"):
        return f"{label} ({_safe(address)})" if label != _safe(address) else label
    return f'<a href="{escape(address)}" rel="noreferrer" target="_blank">{label}</a>'
