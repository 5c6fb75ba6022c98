"""Slack's limits on blocks, so that a message the real Slack would refuse is refused here too."""

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]

MAX_BLOCKS = 50
MAX_TEXT = 3000
MAX_HEADER = 150
MAX_FIELDS = 10
MAX_FIELD = 2000
MAX_ELEMENTS = {"context": 10, "actions": 25}
KNOWN = frozenset(
    {
        "header", "section", "divider", "context", "image", "actions", "rich_text", "markdown", "input",
        "file", "video", "table", "call",
    }
)  # fmt: skip


def problems(blocks: Any) -> list[str]:
    """Return what Slack would say against *blocks*, in its own words; nothing if all is well."""
    if not isinstance(blocks, list):
        return ["[ERROR] must be a valid array [json-pointer:/blocks]"]
    found = (
        [] if len(blocks) <= MAX_BLOCKS else [_said(f"no more than {MAX_BLOCKS} items allowed", "/blocks")]
    )
    for number, block in enumerate(blocks):
        found += _block(block, f"/blocks/{number}")
    return found


def _said(what: str, pointer: str) -> str:
    return f"[ERROR] {what} [json-pointer:{pointer}]"


def _block(block: Any, at: str) -> Iterator[str]:
    kind = block.get("type") if isinstance(block, dict) else None
    if kind not in KNOWN:
        yield _said(f"unsupported type: {kind}", f"{at}/type")
    elif kind == "header":
        yield from _text(block.get("text"), f"{at}/text", limit=MAX_HEADER, kinds=("plain_text",))
    elif kind == "section":
        yield from _section(block, at)
    elif kind in MAX_ELEMENTS:
        yield from _elements(block, at, limit=MAX_ELEMENTS[kind])
    elif kind == "image":
        if not block.get("alt_text"):
            yield _said("missing required field: alt_text", at)
        if not (block.get("image_url") or block.get("slack_file")):
            yield _said("missing required field: image_url or slack_file", at)


def _section(block: Json, at: str) -> Iterator[str]:
    fields = block.get("fields")
    if "text" not in block and not fields:
        yield _said("missing required field: text or fields", at)
    if "text" in block:
        yield from _text(block["text"], f"{at}/text", limit=MAX_TEXT)
    if fields is None:
        return
    if not isinstance(fields, list) or not 1 <= len(fields) <= MAX_FIELDS:
        yield _said(f"must have from 1 to {MAX_FIELDS} items", f"{at}/fields")
        return
    for number, item in enumerate(fields):
        yield from _text(item, f"{at}/fields/{number}", limit=MAX_FIELD)


def _elements(block: Json, at: str, *, limit: int) -> Iterator[str]:
    elements = block.get("elements")
    if not isinstance(elements, list) or not 1 <= len(elements) <= limit:
        yield _said(f"must have from 1 to {limit} items", f"{at}/elements")
        return
    for number, element in enumerate(elements):
        where = f"{at}/elements/{number}"
        kind = element.get("type") if isinstance(element, dict) else None
        if kind == "button":
            yield from _text(element.get("text"), f"{where}/text", limit=75, kinds=("plain_text",))
        elif kind in ("mrkdwn", "plain_text"):
            yield from _text(element, where, limit=MAX_TEXT)
        elif kind is None:
            yield _said("missing required field: type", where)


def _text(
    value: Any, at: str, *, limit: int, kinds: tuple[str, ...] = ("plain_text", "mrkdwn")
) -> Iterator[str]:
    if not isinstance(value, dict) or value.get("type") not in kinds:
        yield _said(f"must be a text object of type {' or '.join(kinds)}", at)
    elif not isinstance(value.get("text"), str) or not value["text"]:
        yield _said("must be more than 0 characters", f"{at}/text")
    elif len(value["text"]) > limit:
        yield _said(f"must be less than {limit + 1} characters", f"{at}/text")
