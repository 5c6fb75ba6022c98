"""YAML as a tree of nodes that know their line: built from parser events, bounded while it grows.

No YAML constructor ever runs, so no tag can build an object; nesting, the number of values and the number of
documents are limited before there is anything to walk.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from windtunnel.files.problems import FileError, Problem, shorten

DEEPEST = 32
MOST_VALUES = 20_000
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the parser of libyaml where PyYAML has it


@dataclass(slots=True)
class Node:
    """One value with the place where it begins (both from 1)."""

    line: int
    column: int


@dataclass(slots=True)
class ScalarNode(Node):
    """A scalar as written; *plain* when without quotes, so that it may stand for a number."""

    text: str
    plain: bool
    tag: str = ""


@dataclass(slots=True)
class SequenceNode(Node):
    """A list."""

    items: list[Node] = field(default_factory=list)
    tag: str = ""


@dataclass(slots=True)
class MappingNode(Node):
    """A mapping as (key, value) pairs, with duplicate keys still in it."""

    entries: list[tuple[Node, Node]] = field(default_factory=list)
    tag: str = ""

    def value_of(self, key: str) -> tuple[Node, Node] | None:
        """Return the first entry for *key*."""
        return next(
            (entry for entry in self.entries if isinstance(entry[0], ScalarNode) and entry[0].text == key),
            None,
        )


def read_tree(text: str, source: str) -> Node:
    """Return the one document in *text* as a tree; an alias gives the very node that its anchor named.

    Raises:
        FileError: it is no YAML, empty, more than one document, or beyond a limit.
    """
    try:
        return _Builder(source).build(yaml.parse(text, Loader=_LOADER))
    except yaml.MarkedYAMLError as error:
        raise FileError([_syntax_problem(error, source, text.splitlines())]) from None
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        line, column = before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1
        message = f"is not YAML: {error.reason}"
        raise FileError([Problem(source, line, column, "", message)]) from None
    except yaml.YAMLError as error:
        raise FileError([Problem(source, 1, 1, "", f"is not YAML: {shorten(str(error))}")]) from None


class _Builder:
    """Grows the tree event by event, with an explicit stack."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.count = 0
        self.root: Node | None = None
        self.stack: list[SequenceNode | MappingNode] = []
        self.keys: list[Node | None] = []  # for each mapping on the stack: a key that waits for its value
        self.anchors: dict[str, Node] = {}

    def build(self, events: Iterator[Any]) -> Node:
        for event in events:
            match event:
                case yaml.DocumentStartEvent() if self.root is not None:
                    self.refuse(event, "has more than one document; write one per file (--- begins another)")
                case yaml.AliasEvent():
                    self.place(self.aliased(event))
                case yaml.ScalarEvent():
                    plain = not event.style and event.tag is None
                    self.place(
                        self.named(event, ScalarNode(*_at(event), event.value, plain, event.tag or ""))
                    )
                case yaml.SequenceStartEvent():
                    self.open(event, SequenceNode(*_at(event), tag=event.tag or ""))
                case yaml.MappingStartEvent():
                    self.open(event, MappingNode(*_at(event), tag=event.tag or ""))
                case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                    self.stack.pop()
                    self.keys.pop()
        if self.root is None:
            raise FileError([Problem(self.source, 1, 1, "", "is empty")])
        return self.root

    def open(self, event: Any, node: SequenceNode | MappingNode) -> None:
        self.place(self.named(event, node))
        self.stack.append(node)
        self.keys.append(None)
        if len(self.stack) > DEEPEST:
            self.refuse(event, f"is nested more than {DEEPEST} levels deep")

    def place(self, node: Node) -> None:
        """Put *node* where the innermost open list or mapping wants it."""
        if not self.stack:
            self.root = node
            return
        parent = self.stack[-1]
        if isinstance(parent, SequenceNode):
            parent.items.append(node)
        elif (key := self.keys[-1]) is None:
            self.keys[-1] = node
        else:
            parent.entries.append((key, node))
            self.keys[-1] = None

    def named(self, event: Any, node: Node) -> Node:
        self.count += 1
        if self.count > MOST_VALUES:
            self.refuse(event, f"has more than {MOST_VALUES} values")
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def aliased(self, event: Any) -> Node:
        node = self.anchors.get(event.anchor)
        if node is None:
            self.refuse(event, f'the alias "*{shorten(event.anchor)}" has no anchor before it')
        elif any(node is parent for parent in self.stack):
            self.refuse(event, f'the alias "*{shorten(event.anchor)}" contains itself')
        return node or Node(*_at(event))

    def refuse(self, event: Any, message: str) -> None:
        raise FileError([Problem(self.source, *_at(event), "", message)])


def _at(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _syntax_problem(error: yaml.MarkedYAMLError, source: str, lines: list[str]) -> Problem:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    problem = error.problem or error.context or "cannot be parsed"
    before = lines[max(0, line - 2) : line]
    hint = _hint(problem, before, before[-1][column - 1 : column] if len(lines) >= line else "")
    return Problem(source, line, column, "", f"is not YAML: {shorten(problem)}{hint}")


def _hint(problem: str, before: list[str], letter: str) -> str:
    """Guess what the writer should do about a syntax error from its line, the one before and its letter."""
    if letter == "\t" or "tab" in problem:
        return "; indent with spaces, not with tabs"
    if "mapping values are not allowed" in problem:
        return "; a text with a colon and a space needs quotes"
    if "cannot start any token" in problem:
        return "; put the text in quotes"
    if any(" #" in line for line in before):
        return "; an unquoted # starts a comment, so put the text in quotes"
    return ""
