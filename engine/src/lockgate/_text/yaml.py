"""YAML without its dangers: events in, plain data out, no recursion, no tags.

PyYAML's parser only makes events here. The tree is built below, with a stack of
its own, so that depth, size, repeated keys and the weight of aliases are judged
while the document grows. Scalars mean what `yaml.SafeLoader` takes them for
(YAML 1.1), except dates, which stay text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn, cast

import yaml
from yaml.constructor import SafeConstructor
from yaml.events import (
    AliasEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from yaml.nodes import ScalarNode
from yaml.resolver import Resolver

from lockgate.errors import DocumentError

__all__ = ["parse_yaml"]

_PLAIN_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}" for name in ("bool", "float", "int", "null", "str")
)

_NUMBER_LIMIT_CHARS = 64
"""What is longer is text, whatever it looks like."""

_resolve = cast(
    "Callable[[type[ScalarNode], str, tuple[bool, bool]], str]",
    Resolver().resolve,  # pyright: ignore[reportUnknownMemberType]
)
"""The tag of a plain or quoted scalar (PyYAML leaves its resolver untyped)."""

_construct = cast(
    "Callable[[SafeConstructor, ScalarNode], Any]",
    SafeConstructor.construct_object,  # pyright: ignore[reportUnknownMemberType]
)


def parse_yaml(text: str, name: str, *, depth: int) -> Any:
    """The one document in `text`; `name` is what errors call it.

    A value that aliases repeat is one shared object: who uses it must count each
    use (`lockgate.documents` does).

    Raises:
        DocumentError: If it is not YAML, is more than one document, holds a key
            twice, a tag or a merge key, or is nested deeper than `depth`.
    """
    builder = _Builder(name, depth)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        for event in yaml.parse(text, Loader=loader):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        words = f"is not YAML: {error.problem or error.context or 'malformed'}"
        builder.refuse(words, mark.line + 1 if mark else 0)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        builder.refuse(f"is not YAML: {(str(error).splitlines() or ['?'])[0][:200]}")
    return builder.document


class _Open:
    """A list or object that is being filled."""

    __slots__ = ("anchor", "key", "value")

    def __init__(self, value: dict[str, Any] | list[Any], anchor: str | None) -> None:
        self.value = value
        self.anchor = anchor
        self.key: str | None = None


class _Builder:
    def __init__(self, name: str, depth: int) -> None:
        self._name = name
        self._depth = depth
        self._stack: list[_Open] = []
        self._anchors: dict[str, Any] = {}
        self._constructor = SafeConstructor()
        self._documents = 0
        self.document: Any = None

    def refuse(self, message: str, line: int = 0) -> NoReturn:
        """Raise a `DocumentError` about the document, which `message` continues."""
        raise DocumentError(
            f"the document {message}", file=self._name, line=line
        ) from None

    def take(self, event: Event) -> None:
        """Handle one event of the parser."""
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, ScalarEvent):
            self._add(self._scalar(event, line), event.anchor, line)
        elif isinstance(event, MappingStartEvent | SequenceStartEvent):
            if event.tag is not None:
                self.refuse(f"holds the tag {event.tag!r}; tags are not read", line)
            if len(self._stack) >= self._depth:
                self.refuse(f"is nested deeper than {self._depth} levels", line)
            empty: dict[str, Any] | list[Any]
            empty = {} if isinstance(event, MappingStartEvent) else []
            self._stack.append(_Open(empty, event.anchor))
        elif isinstance(event, MappingEndEvent | SequenceEndEvent):
            closed = self._stack.pop()
            self._add(closed.value, closed.anchor, line)
        elif isinstance(event, AliasEvent):
            # An anchor is known once its value is complete: no cycle can arise.
            if event.anchor not in self._anchors:
                self.refuse(f"uses *{event.anchor}, which is not defined before", line)
            self._add(self._anchors[event.anchor], None, line)

    def _scalar(self, event: ScalarEvent, line: int) -> Any:
        if event.tag is not None and event.tag != "!":
            self.refuse(f"holds the tag {event.tag!r}; tags are not read", line)
        if len(event.value) > _NUMBER_LIMIT_CHARS:
            # YAML 1.1 reads 1:1:1… to base 60, which takes time by the square.
            return event.value
        tag = _resolve(ScalarNode, event.value, event.implicit)
        if event.tag == "!" or tag not in _PLAIN_TAGS:
            return event.value
        node = ScalarNode(tag, event.value)
        try:
            return _construct(self._constructor, node)
        except (ValueError, KeyError, OverflowError):
            return event.value  # looks like a number to YAML 1.1, and is none

    def _add(self, value: Any, anchor: str | None, line: int) -> None:
        if anchor is not None:
            self._anchors[anchor] = value
        if not self._stack:
            self._documents += 1
            if self._documents > 1:
                self.refuse("is more than one document ('---')", line)
            self.document = value
            return
        top = self._stack[-1]
        if isinstance(top.value, list):
            top.value.append(value)
        elif top.key is None:
            top.key = self._key(value, top.value, line)
        else:
            top.value[top.key] = value
            top.key = None

    def _key(self, value: Any, table: dict[str, Any], line: int) -> str:
        if isinstance(value, dict | list):
            self.refuse("has a list or an object as a key", line)
        key = _key_text(value)
        if key == "<<":
            self.refuse("uses the merge key '<<', which is not read", line)
        if key in table:
            self.refuse(f"holds the key {key!r} twice in one object", line)
        return key


def _key_text(value: object) -> str:
    """A key's text; ``13: output`` means the key ``13``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)
