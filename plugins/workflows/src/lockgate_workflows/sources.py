"""YAML and JSON of a pipeline's own files: bounded, and with the line of each key.

PyYAML's events are counted before anything is built: size, nesting and number.
An alias counts as all that it stands for, so a few lines can't unfold into
gigabytes. A key that stands twice, a key that is no text, and any tag beyond
JSON's types are refused; dates stay text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import yaml

from lockgate.values import Data, Tree
from lockgate_workflows.problems import Path, nearest

__all__ = ["Source", "SourceError", "beside", "load", "read"]

SIZE_LIMIT_BYTES = 512 * 1024
DEPTH_LIMIT = 40
NODE_LIMIT = 50_000
NUMBER_LIMIT_CHARS = 64
"""Longest number. ``1:59:59…`` is one, in base 60: made in time that grows with the
square of its length."""


class SourceError(ValueError):
    """A file that can't be read as a document; `line` 0 if no line is to blame."""

    def __init__(self, message: str, *, line: int = 0, hint: str = "") -> None:
        super().__init__(message)
        self.line = line
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Source:
    """A document, where it came from, and the line of each path in it."""

    document: Data
    file: str = ""
    lines: Mapping[Path, int] = field(default_factory=dict[Path, int])


class _Loader(yaml.SafeLoader):
    """SafeLoader without dates: a spec's ``2024-01-01`` is the text it looks like."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, rule) for tag, rule in rules if not tag.endswith(":timestamp")]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_NUMBERS = (":int", ":float")
_SCALARS = frozenset(
    f"tag:yaml.org,2002:{kind}" for kind in ("null", "bool", "int", "float", "str")
)


def load(files: Tree, path: str) -> Source:
    """The document in the file `path` of `files`.

    Raises:
        SourceError: If there is no such file, or `read` refuses it.
    """
    if path not in files:
        message = f"there is no file {path!r} beside the pipeline"
        raise SourceError(message, hint=nearest(path, (file.path for file in files)))
    return read(files[path].content, path)


def beside(files: Tree, file: str) -> dict[str, Data]:
    """The files in the folder of the pipeline `file` and below, by relative path.

    A file that is UTF-8 is its text, another one its bytes.
    """
    folder, slash, _ = file.rpartition("/")
    found: dict[str, Data] = {}
    for each in files:
        if each.path.startswith(f"{folder}{slash}"):
            name = each.path[len(folder) + len(slash) :]
            try:
                found[name] = each.content.decode("utf-8")
            except UnicodeDecodeError:
                found[name] = each.content
    return found


def read(content: bytes, file: str = "") -> Source:
    """The document in `content`.

    Raises:
        SourceError: If it is no UTF-8, no YAML, or over a limit.
    """
    if len(content) > SIZE_LIMIT_BYTES:
        message = f"the file is larger than {SIZE_LIMIT_BYTES // 1024} KiB"
        raise SourceError(message)
    try:
        text = content.decode("utf-8")
        _count(text)
        node = yaml.compose(text, Loader=_Loader)
    except UnicodeDecodeError as error:
        raise SourceError(f"byte {error.start} is no UTF-8") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise SourceError(f"no YAML: {error.problem}", line=line) from error
    except yaml.YAMLError as error:
        raise SourceError(f"no YAML: {error}") from error
    building = _Building()
    document = None if node is None else building.value(node, ())
    return Source(document, file, building.lines)


def _count(text: str) -> None:
    depth = 0
    for number, event in enumerate(yaml.parse(text, Loader=_Loader)):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEPTH_LIMIT or number > NODE_LIMIT:
            line = event.start_mark.line + 1 if event.start_mark else 0
            message = f"more than {DEPTH_LIMIT} levels or {NODE_LIMIT} values"
            raise SourceError(message, line=line)


class _Building:
    """Nodes to data, each visit counted, also through aliases."""

    def __init__(self) -> None:
        self.lines: dict[Path, int] = {}
        self._left = NODE_LIMIT
        self._scalars = _Loader("")

    def value(self, node: yaml.Node, path: Path) -> Data:
        self._left -= 1
        line = node.start_mark.line + 1
        if self._left < 0 or len(path) > DEPTH_LIMIT:
            raise SourceError("aliases unfold into too much", line=line)
        self.lines.setdefault(path, line)
        if isinstance(node, yaml.MappingNode) and node.tag.endswith(":map"):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode) and node.tag.endswith(":seq"):
            items = cast("list[yaml.Node]", node.value)
            return [self.value(item, (*path, at)) for at, item in enumerate(items)]
        if isinstance(node, yaml.ScalarNode) and node.tag in _SCALARS:
            return self._scalar(node, line)
        message = f"{node.tag} is no type of a document"
        raise SourceError(message, line=line, hint="quote the value to make it a text")

    def _scalar(self, node: yaml.ScalarNode, line: int) -> Data:
        try:
            if node.tag.endswith(_NUMBERS) and len(node.value) > NUMBER_LIMIT_CHARS:
                raise ValueError("too long")
            found: Any = cast("Any", self._scalars).construct_object(node)
        except (ValueError, OverflowError, yaml.YAMLError) as error:
            raise SourceError(f"{node.value!r:.60} is no number", line=line) from error
        return cast("Data", found)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Data]:
        found: dict[str, Data] = {}
        for key_node, item in cast("list[tuple[yaml.Node, yaml.Node]]", node.value):
            line = key_node.start_mark.line + 1
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if not isinstance(key, str):
                raise SourceError("a key is a text", line=line)
            if key in found:
                raise SourceError(f"the key {key!r:.80} stands twice", line=line)
            self.lines[(*path, key)] = line
            found[key] = self.value(item, (*path, key))
        return found
