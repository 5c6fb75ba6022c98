"""Block Kit as HTML: what a person would see in Slack."""

import json
from collections.abc import Callable
from html import escape
from typing import Any
from urllib.parse import urlsplit

from infra.lab.recorder.mrkdwn import link, plain, to_html

Json = dict[str, Any]


def blocks_html(blocks: list[Json]) -> str:
    """Return *blocks* as HTML."""
    return "".join(_block(block) for block in blocks)


def attachments_html(attachments: list[Json]) -> str:
    """Return old-style attachments as HTML: a coloured bar beside text or blocks."""
    out = []
    for given in attachments:
        color = str(given.get("color", "")).lstrip("#")
        style = f' style="border-color:#{color}"' if color.isalnum() and len(color) in (3, 6) else ""
        inner = blocks_html(given.get("blocks") or [])
        title = f"<b>{to_html(str(given['title']))}</b><br>" if given.get("title") else ""
        text = to_html(str(given.get("text") or ("" if inner else given.get("fallback", ""))))
        out.append(f'<div class="attachment"{style}>{title}{text}{inner}</div>')
    return "".join(out)


def _block(block: Json) -> str:
    draw = BLOCKS.get(str(block.get("type")))
    if draw is None:
        shown = escape(json.dumps(block, indent=1))
        return (
            f"<details><summary>{escape(str(block.get('type')))} block</summary><pre>{shown}</pre></details>"
        )
    return draw(block)


def text_html(given: Any) -> str:
    """Return a text object as HTML."""
    if not isinstance(given, dict):
        return ""
    text = str(given.get("text", ""))
    return to_html(text) if given.get("type") == "mrkdwn" else plain(text)


def _header(block: Json) -> str:
    return f"<h3>{text_html(block.get('text'))}</h3>"


def _section(block: Json) -> str:
    fields = "".join(f"<div>{text_html(item)}</div>" for item in block.get("fields") or [])
    grid = f'<div class="fields">{fields}</div>' if fields else ""
    text = f"<div>{text_html(block['text'])}</div>" if block.get("text") else ""
    beside = _element(block["accessory"]) if block.get("accessory") else ""
    return f'<div class="section"><div>{text}{grid}</div>{beside}</div>'


def _context(block: Json) -> str:
    return f'<div class="context">{"".join(map(_element, block.get("elements") or []))}</div>'


def _actions(block: Json) -> str:
    return f'<div class="actions">{"".join(map(_element, block.get("elements") or []))}</div>'


def _element(element: Json) -> str:
    kind = element.get("type")
    if kind == "button":
        style = element.get("style") if element.get("style") in ("primary", "danger") else ""
        label = text_html(element.get("text"))
        inner = link(str(element["url"]), label) if element.get("url") else label
        return f'<span class="button {style}">{inner}</span>'
    if kind == "image":
        return _picture(element)
    return f"<span>{text_html(element)}</span>"


def _image(block: Json) -> str:
    title = f"<figcaption>{text_html(block['title'])}</figcaption>" if block.get("title") else ""
    return f"<figure>{title}{_picture(block)}</figure>"


def _picture(given: Json) -> str:
    address = str(given.get("image_url", ""))
    alternative = escape(str(given.get("alt_text", "")))
    if urlsplit(address).scheme not in ("http", "https"):
        return f"<span>[image: {alternative}]</span>"
    return f'<img src="{escape(address)}" alt="{alternative}" loading="lazy">'


def _rich_text(block: Json) -> str:
    return "".join(map(_rich_element, block.get("elements") or []))


def _rich_element(element: Json) -> str:
    inner = [_rich_element(e) if "elements" in e else _rich_piece(e) for e in element.get("elements") or []]
    kind = element.get("type")
    if kind == "rich_text_list":
        tag = "ol" if element.get("style") == "ordered" else "ul"
        return f"<{tag}>{''.join(f'<li>{item}</li>' for item in inner)}</{tag}>"
    tag = {"rich_text_quote": "blockquote", "rich_text_preformatted": "pre"}.get(str(kind), "div")
    return f"<{tag}>{''.join(inner)}</{tag}>"


def _rich_piece(piece: Json) -> str:
    kind, text = (
        piece.get("type"),
        plain(str(piece.get("text") or piece.get("name") or piece.get("url") or "")),
    )
    if kind == "link":
        return link(str(piece.get("url", "")), text)
    if kind == "emoji":
        return plain(f":{piece.get('name', '')}:")
    for name, tag in (("bold", "b"), ("italic", "i"), ("strike", "s"), ("code", "code")):
        if (piece.get("style") or {}).get(name):
            text = f"<{tag}>{text}</{tag}>"
    return text


BLOCKS: dict[str, Callable[[Json], str]] = {
    "header": _header,
    "section": _section,
    "context": _context,
    "actions": _actions,
    "image": _image,
    "divider": lambda _: "<hr>",
    "rich_text": _rich_text,
    "markdown": lambda block: f"<div>{to_html(str(block.get('text', '')))}</div>",
}
