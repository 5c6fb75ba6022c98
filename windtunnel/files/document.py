"""A file as plain values, with a place for every path into them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from windtunnel.files.problems import MOST_MISTAKES, FileError, Mistake, Path, Problem, shorten, written
from windtunnel.files.scalars import resolve
from windtunnel.files.tree import DEEPEST, MOST_VALUES, MappingNode, Node, ScalarNode, SequenceNode, read_tree

_MERGE = "<<"
_STR_TAGS = ("!", "tag:yaml.org,2002:str")
_OWN_TAGS = {SequenceNode: "tag:yaml.org,2002:seq", MappingNode: "tag:yaml.org,2002:map"}


@dataclass(slots=True)
class Document:
    """One file: *values* are dicts, lists and scalars; *mistakes* are what YAML let through and we do not."""

    source: str
    root: Node
    values: Any = None
    mistakes: list[Mistake] = field(default_factory=list)
    bad_keys: list[Problem] = field(
        default_factory=list
    )  # keys that no path leads to: twice there, or no text
    voids: set[Path] = field(default_factory=set)  # values that are wrong already: nothing more to say there

    def problems(self, mistakes: Iterable[Mistake]) -> list[Problem]:
        """Return what is wrong with the YAML, and *mistakes*, each with its line."""
        return [*self.bad_keys, *(self._problem(mistake) for mistake in (*self.mistakes, *mistakes))]

    def require(self, mistakes: Iterable[Mistake]) -> None:
        """Do nothing when there are no *mistakes* and the YAML has none.

        Raises:
            FileError: with all of them, in the order of the file.
        """
        if problems := self.problems(mistakes):
            raise FileError(problems)

    def _problem(self, mistake: Mistake) -> Problem:
        node, known = self._find(mistake.path, at_key=mistake.at_key)
        shown = known + isinstance(node, MappingNode)  # one step more names the key that is missing there
        return Problem(self.source, node.line, node.column, written(mistake.path[:shown]), mistake.message)

    def _find(self, path: Path, *, at_key: bool) -> tuple[Node, int]:
        """Return the node at *path*, or the last one on the way to it, and how many steps were found."""
        node = self.root
        for step, part in enumerate(path):
            found: tuple[Node, Node] | None = None
            if isinstance(node, MappingNode) and isinstance(part, str):
                found = node.value_of(part)
            elif isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.items):
                found = (node.items[part], node.items[part])
            if found is None:
                return node, step
            node = found[0] if at_key and step == len(path) - 1 else found[1]
        return node, len(path)


def open_document(
    text: str, source: str, *, may_be_empty: Callable[[Path], bool] = lambda _path: False
) -> Document:
    """Read *text* into plain values.

    Args:
        text: The whole file.
        source: Its name, for messages.
        may_be_empty: Says at which paths a key without a value is fine.

    Raises:
        FileError: nothing can be read from it: no YAML, empty, or beyond a limit.
    """
    root = read_tree(text, source)
    document = Document(source, root)
    document.values = _Walk(document, may_be_empty, text.splitlines()).value(root, ())
    if not isinstance(document.values, Mapping):
        raise FileError(
            [Problem(source, root.line, root.column, "", "must be a mapping, like `experiment: name`")]
        )
    return document


class _Walk:
    """Turns nodes into values; the count includes what aliases repeat."""

    def __init__(self, document: Document, may_be_empty: Callable[[Path], bool], lines: list[str]) -> None:
        self.document = document
        self.may_be_empty = may_be_empty
        self.lines = lines
        self.count = 0

    def value(self, node: Node, path: Path) -> Any:
        self.count += 1
        if self.count > MOST_VALUES:
            self.refuse(node, f"its aliases repeat values until there are more than {MOST_VALUES}")
        if len(path) > DEEPEST:
            self.refuse(node, f"its aliases nest more than {DEEPEST} levels deep")
        match node:
            case ScalarNode():
                return self.scalar(node, path)
            case SequenceNode():
                self.check_tag(node.tag, _OWN_TAGS[SequenceNode], path)
                return [self.value(item, (*path, index)) for index, item in enumerate(node.items)]
            case MappingNode():
                self.check_tag(node.tag, _OWN_TAGS[MappingNode], path)
                return self.mapping(node, path)
            case _:
                return None

    def scalar(self, node: ScalarNode, path: Path) -> Any:
        if node.tag not in ("", *_STR_TAGS):
            self.wrong(path, f"the YAML tag {_short_tag(node.tag)} is not supported; remove it")
            return None
        if not node.plain:
            return node.text
        try:
            value = resolve(node.text)
        except ValueError as error:
            self.wrong(path, str(error))
            return None
        if value is None and path and not self.may_be_empty(path):
            self.wrong(path, f"is empty; give it a value, or remove the key{self.comment_hint(node)}")
        return value

    def mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        values: dict[str, Any] = {}
        first_line: dict[str, int] = {}
        for key, value in node.entries:
            if not isinstance(key, ScalarNode):
                self.bad_key(key, path, "a key must be text, not a list or a mapping")
                continue
            if key.text == _MERGE and key.plain:
                self.wrong(
                    (*path, _MERGE),
                    "merging mappings with << is not supported; write the keys out",
                    at_key=True,
                )
                continue
            if key.text in values:
                message = f"is there twice; the first is in line {first_line[key.text]}"
                self.bad_key(key, (*path, key.text), message)
                continue
            first_line[key.text] = key.line
            values[key.text] = self.value(value, (*path, key.text))
        return values

    def bad_key(self, key: Node, path: Path, message: str) -> None:
        problem = Problem(self.document.source, key.line, key.column, written(path), message)
        if len(self.document.bad_keys) < MOST_MISTAKES:
            self.document.bad_keys.append(problem)

    def comment_hint(self, node: Node) -> str:
        line = self.lines[node.line - 1] if node.line <= len(self.lines) else ""
        return ' (an unquoted # starts a comment: write "#...")' if " #" in line else ""

    def check_tag(self, tag: str, own: str, path: Path) -> None:
        if tag not in ("", own):
            self.wrong(path, f"the YAML tag {_short_tag(tag)} is not supported; remove it")

    def wrong(self, path: Path, message: str, *, at_key: bool = False) -> None:
        if len(self.document.mistakes) < MOST_MISTAKES:
            self.document.mistakes.append(Mistake(path, message, at_key))
        self.document.voids.add(path)

    def refuse(self, node: Node, message: str) -> None:
        raise FileError([Problem(self.document.source, node.line, node.column, "", message)])


def _short_tag(tag: str) -> str:
    return shorten(tag.replace("tag:yaml.org,2002:", "!!"))
