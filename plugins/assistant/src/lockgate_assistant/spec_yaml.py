"""A spec's YAML text, changed in place: every comment and every other line stays.

The text is parsed to nodes that know their place; a change replaces just the
characters of a node. A path is ``peripherals[0].pin``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TypeAlias, cast

import yaml

from lockgate.values import Data
from lockgate_assistant.material import mapping, sequence

__all__ = ["EditError", "SpecYaml", "parse_path"]

_STEP = re.compile(r"([^.\[\]]+)|\[(\d{1,6})\]")
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}", re.ASCII)
_YAML_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
_DEPTH_LIMIT = 20

Path: TypeAlias = tuple[str | int, ...]


class EditError(Exception):
    """The text cannot be changed at this place without touching other things."""


def parse_path(where: str) -> Path:
    """``peripherals[0].pin`` as its steps; empty if it is no path."""
    steps: list[str | int] = []
    for match in _STEP.finditer(where):
        steps.append(int(match[2]) if match[2] else match[1])
    return tuple(steps)


class SpecYaml:
    """One YAML document whose root is a mapping; `text` is its present state.

    Raises:
        EditError: If `text` is no such document.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.root, self.data = _parsed(text)

    # Looking.

    def node(self, path: Path) -> yaml.Node | None:
        """The node at `path`, or None."""
        found: yaml.Node | None = self.root
        for step in path:
            if isinstance(found, yaml.MappingNode):
                pair = _pair(found, step)
                found = pair[1] if pair else None
            elif isinstance(found, yaml.SequenceNode) and isinstance(step, int):
                found = found.value[step] if step < len(found.value) else None
            else:
                return None
        return found

    def get(self, path: Path) -> Data:
        """The plain value at `path`, or None."""
        found: Data = self.data
        for step in path:
            if isinstance(step, str):
                found = mapping(found).get(step)
            else:
                items = sequence(found)
                found = items[step] if step < len(items) else None
        return found

    def word(self, path: Path) -> str:
        """A text or number at `path` as a text; empty if there is none."""
        value = self.get(path)
        plain = isinstance(value, str | int) and not isinstance(value, bool)
        return str(value) if plain else ""

    # Changing.

    def replace(self, path: Path, value: str | int | bool) -> None:
        """Put `value` in the place of the scalar at `path`.

        Raises:
            EditError: If there is no scalar there, or it spans lines as a block.
        """
        node = self.node(path)
        if not isinstance(node, yaml.ScalarNode) or node.style in ("|", ">"):
            raise EditError(f"{_shown(path)} is no value on one line")
        start, end = node.start_mark.index, node.end_mark.index
        written = _scalar(value, node.style)
        if start == end:  # "key:" with nothing behind it
            written = f" {written}"
        self._change(start, end, written)

    def quote(self, path: Path) -> None:
        """Put the plain scalar at `path` in quotes: what it says becomes a text.

        Raises:
            EditError: If there is no plain scalar.
        """
        node = self.node(path)
        if not isinstance(node, yaml.ScalarNode) or node.style is not None:
            raise EditError(f"{_shown(path)} is no plain value")
        start, end = node.start_mark.index, node.end_mark.index
        self._change(start, end, json.dumps(str(node.value)))

    def reset(self, text: str) -> None:
        """Go back to `text`, which this document was before."""
        self._change(0, len(self.text), text)

    def rename(self, path: Path, key: str) -> None:
        """Give the key at `path` another name.

        Raises:
            EditError: If there is no such key.
        """
        node, _ = self._entry(path)
        self._change(node.start_mark.index, node.end_mark.index, _scalar(key, None))

    def remove(self, path: Path) -> None:
        """Take the key at `path` out, with its line.

        Raises:
            EditError: If it does not stand on lines of its own.
        """
        node, value = self._entry(path)
        start = self.text.rfind("\n", 0, node.start_mark.index) + 1
        end = self.text.find("\n", _end(value))
        end = len(self.text) if end < 0 else end + 1
        parent = self.node(path[:-1])
        block = isinstance(parent, yaml.MappingNode) and not parent.flow_style
        alone = isinstance(parent, yaml.MappingNode) and len(parent.value) == 1
        own_line = not self.text[start : node.start_mark.index].strip()
        if not block or alone or not own_line:
            raise EditError(f"{_shown(path)} does not stand on a line of its own")
        self._change(start, end, "")

    def insert(self, path: Path, value: str | int) -> None:
        """Add the key at the end of `path` to its mapping, after the first entry.

        Raises:
            EditError: If the mapping is not there, or has the key already.
        """
        parent, key = self.node(path[:-1]), str(path[-1])
        if not isinstance(parent, yaml.MappingNode) or not parent.value:
            raise EditError(f"{_shown(path[:-1])} is no mapping with entries")
        if _pair(parent, key):
            raise EditError(f"{_shown(path)} is there already")
        entry = f"{key}: {_scalar(value, None)}"
        if parent.flow_style:
            at = parent.end_mark.index - 1
            self._change(at, at, f", {entry}")
            return
        first, body = parent.value[0]
        at = self.text.find("\n", _end(body))
        ending = "\r\n" if "\r\n" in self.text else "\n"
        indent = " " * first.start_mark.column
        if at < 0:
            self._change(len(self.text), len(self.text), f"{ending}{indent}{entry}")
        else:
            self._change(at + 1, at + 1, f"{indent}{entry}{ending}")

    def _entry(self, path: Path) -> tuple[yaml.Node, yaml.Node]:
        parent = self.node(path[:-1]) if path else None
        pair = _pair(parent, path[-1]) if isinstance(parent, yaml.MappingNode) else None
        if pair is None:
            raise EditError(f"{_shown(path)} is not there")
        return pair

    def _change(self, start: int, end: int, written: str) -> None:
        """Make the change if the text is still a mapping after it."""
        changed = f"{self.text[:start]}{written}{self.text[end:]}"
        self.root, self.data = _parsed(changed)
        self.text = changed


def _parsed(text: str) -> tuple[yaml.MappingNode, dict[str, Data]]:
    """The nodes of `text`, and the plain data that they stand for."""
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        construct = cast("Callable[[yaml.Node], object]", loader.construct_document)  # pyright: ignore[reportUnknownMemberType]
        data = construct(root) if root else None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise EditError(f"the spec is no YAML: {error}"[:500]) from None
    if not isinstance(root, yaml.MappingNode) or not isinstance(data, dict):
        raise EditError("the spec is no mapping")
    return root, cast("dict[str, Data]", data)


def _pair(node: yaml.MappingNode, key: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    for name, value in node.value:
        if isinstance(name, yaml.ScalarNode) and name.value == str(key):
            return name, value
    return None


def _end(node: yaml.Node, depth: int = 0) -> int:
    """Where the last character of `node` stands.

    A block's own end lies further on, behind the comments that follow it.
    """
    if isinstance(node, yaml.CollectionNode) and node.value and not node.flow_style:
        pair = isinstance(node, yaml.MappingNode)
        last: yaml.Node = node.value[-1][1] if pair else node.value[-1]
        if depth < _DEPTH_LIMIT:
            return _end(last, depth + 1)
    end: int = node.end_mark.index
    # A block scalar ends at the start of the next line.
    block = isinstance(node, yaml.ScalarNode) and node.style in ("|", ">")
    return max(0, end - 1) if block else end


def _scalar(value: str | int | bool, style: str | None) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if style is None and _PLAIN.fullmatch(value) and value.lower() not in _YAML_WORDS:
        return value
    if style == "'" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    # JSON is YAML. A pin that was a bare number stays one.
    if style is None and value.isdecimal() and value.isascii():
        return str(int(value))
    return json.dumps(value, ensure_ascii=not value.isprintable())


def _shown(path: Path) -> str:
    return ".".join(str(step) for step in path)[:120] or "the spec"
