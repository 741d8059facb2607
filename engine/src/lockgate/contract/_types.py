"""Annotations as types that can be compared: `Type`, and whether one `accepts` another.

Three answers: yes, no, and None where nobody can say without running code. An
alias is followed; a class of the plugin's own, a type variable, a type of another
distribution is unknown.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass

from lockgate import values
from lockgate.contract._modules import Module, Sources
from lockgate.contract._names import dotted_of

__all__ = ["UNKNOWN", "Type", "accepts", "of_annotation", "of_spec"]

_DEPTH = 12
_PARSE_STEPS = 50


@dataclass(frozen=True, slots=True)
class Type:
    """A type by its one name, and its arguments (None: it was given none).

    Named are builtins (``int``), values of lockgate (``lockgate.Tree``) and
    ``abc.Mapping``; ``|`` is a union of its arguments, ``?`` unknown, ``any`` both
    ``Any`` and ``object``.
    """

    name: str
    args: tuple[Type, ...] | None = None

    def __str__(self) -> str:
        short = self.name.rpartition(".")[2] if self.name != "..." else self.name
        if self.args is None:
            return short
        if self.name == "|":
            return " | ".join(map(str, self.args))
        return f"{short}[{', '.join(map(str, self.args))}]"


UNKNOWN = Type("?")
NONE = Type("None")
_TEXT = Type("str")
_DATA = Type("lockgate.Data")
_DOCUMENT = Type("abc.Mapping", (_TEXT, _DATA))

_PLAIN = frozenset(
    {
        "bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int",
        "list", "set", "str", "tuple",
    }
)  # fmt: skip
_READ_ONLY = frozenset(
    {"abc.Sequence", "abc.Iterable", "abc.Collection", "abc.Reversible", "tuple"}
)
_STREAMS = frozenset(
    {
        "abc.AsyncGenerator", "abc.AsyncIterable", "abc.AsyncIterator",
        "abc.Generator", "abc.Iterable", "abc.Iterator", "abc.Sequence", "list",
        "tuple",
    }
)  # fmt: skip
_MAPPINGS = frozenset({"abc.Mapping", "abc.MutableMapping", "dict"})
_OLD = {"List": "list", "Dict": "dict", "Tuple": "tuple", "Set": "set", "Text": "str"}
_ABCS = frozenset(
    {
        "AsyncGenerator", "AsyncIterable", "AsyncIterator", "Awaitable", "Callable",
        "Collection", "Container", "Coroutine", "Generator", "Hashable", "Iterable",
        "Iterator", "Mapping", "MutableMapping", "MutableSequence", "Reversible",
        "Sequence", "Sized",
    }
)  # fmt: skip
_LOCKGATE = ("lockgate.", "lockgate.plugin.", "lockgate.values.")


def _named(dotted: str) -> Type:
    """The type of a full name that is not the plugin's own."""
    owner, _, name = dotted.rpartition(".")
    if owner == "builtins":
        if name == "object":
            return Type("any")
        return Type(name) if name in _PLAIN else UNKNOWN
    if owner in ("typing", "typing_extensions", "collections.abc"):
        if name == "Any":
            return Type("any")
        if name in _OLD:
            return Type(_OLD[name])
        return Type(f"abc.{name}") if name in _ABCS else UNKNOWN
    if f"{owner}." in _LOCKGATE:
        if name == "Document":
            return _DOCUMENT
        if name == "Context" or name in values.__all__:
            return Type(f"lockgate.{name}")
    return UNKNOWN


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads annotations that stand in `module`."""

    sources: Sources
    module: Module

    def read(self, node: ast.expr, depth: int = _DEPTH) -> Type:
        if depth <= 0 or not self.sources.step():
            return UNKNOWN
        if isinstance(node, ast.Constant):
            return self._constant(node.value, depth)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            sides = self.read(node.left, depth - 1), self.read(node.right, depth - 1)
            return _union(sides)
        if isinstance(node, ast.Subscript):
            return self._subscript(node, depth)
        found = dotted_of(self.sources, self.module, node)
        if found.dotted:
            return _named(found.dotted)
        if isinstance(found.node, ast.expr) and found.module is not None:
            return _Reader(self.sources, found.module).read(found.node, depth - 1)
        return UNKNOWN

    def _constant(self, value: object, depth: int) -> Type:
        if value is None:
            return NONE
        if value is Ellipsis:
            return Type("...")
        if not isinstance(value, str) or len(value) > 500:
            return UNKNOWN
        if not self.sources.step(_PARSE_STEPS):
            return UNKNOWN
        try:
            return self.read(ast.parse(value, mode="eval").body, depth - 1)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return UNKNOWN

    def _subscript(self, node: ast.Subscript, depth: int) -> Type:
        inner = node.slice
        items = list(inner.elts) if isinstance(inner, ast.Tuple) else [inner]
        special = dotted_of(self.sources, self.module, node.value).dotted
        module, _, word = special.rpartition(".")
        if module in ("typing", "typing_extensions"):
            if word == "Annotated" and items:
                return self.read(items[0], depth - 1)
            if word in ("Optional", "Union"):
                none = (NONE,) if word == "Optional" else ()
                return _union((*(self.read(i, depth - 1) for i in items), *none))
        base = self.read(node.value, depth - 1)
        if base.name in ("?", "any", "|") or base.args is not None:
            return UNKNOWN
        return Type(base.name, tuple(self.read(item, depth - 1) for item in items))


def _union(parts: Iterable[Type]) -> Type:
    flat: dict[Type, None] = {}
    for part in parts:
        inner = part.args if part.name == "|" and part.args else (part,)
        flat.update(dict.fromkeys(inner))
    return next(iter(flat)) if len(flat) == 1 else Type("|", tuple(flat))


def of_annotation(sources: Sources, module: Module, node: ast.expr | None) -> Type:
    """The type that an annotation in a plugin's module says."""
    return UNKNOWN if node is None else _Reader(sources, module).read(node)


def of_spec(annotation: str) -> Type:
    """The type that a hook spec's annotation says, as it is written there."""
    return _spec_type(ast.parse(annotation, mode="eval").body)


def _spec_type(node: ast.expr) -> Type:
    if isinstance(node, ast.Constant):
        return NONE if node.value is None else Type("...")
    if isinstance(node, ast.BinOp):
        return _union((_spec_type(node.left), _spec_type(node.right)))
    if isinstance(node, ast.Subscript):
        inner = node.slice
        items = inner.elts if isinstance(inner, ast.Tuple) else [inner]
        base = _spec_type(node.value)
        return Type(base.name, tuple(_spec_type(item) for item in items))
    if not isinstance(node, ast.Name):
        return UNKNOWN
    if node.id in _PLAIN:
        return Type(node.id)
    if node.id in _ABCS:
        return Type(f"abc.{node.id}")
    return _named(f"lockgate.{node.id}")


def _every(answers: Iterable[bool | None]) -> bool | None:
    """No if one is no, else unknown if one is."""
    found = set(answers)
    return False if False in found else None if None in found else True


def accepts(wide: Type, narrow: Type) -> bool | None:
    """Whether every value of type `narrow` is one of type `wide`."""
    if wide.name == "any":
        return True
    if (
        "?" in (wide.name, narrow.name)
        or narrow.name == "any"
        or _DATA in (wide, narrow)
    ):
        return None
    if narrow.name == "|":
        return _every(accepts(wide, part) for part in narrow.args or ())
    if wide.name == "|":
        found = {accepts(part, narrow) for part in wide.args or ()}
        return True if True in found else None if None in found else False
    if wide == narrow:
        return True
    return _plainly(wide, narrow)


def _plainly(wide: Type, narrow: Type) -> bool | None:
    """The same for two known types that are not equal, and no unions."""
    if wide.name in ("float", "int") and narrow.name in ("int", "bool"):
        return True if wide.name == "float" else None
    if wide.name in _MAPPINGS and narrow.name in _MAPPINGS:
        return _pairwise(wide, narrow)
    if wide.name in _READ_ONLY and narrow.name == "tuple":
        return _items(wide, narrow)
    if wide.name == "tuple" and narrow.name in ("list", "abc.Sequence"):
        return _items(wide, narrow)  # a list does where a tuple stands
    if wide.name == "abc.Iterator" and narrow.name in _STREAMS:
        return _items(wide, narrow)
    if wide.name == narrow.name and wide.name in _PLAIN:
        return _pairwise(wide, narrow)
    if wide.name == "bytes" and narrow.name == "bytearray":
        return None
    sure = (_PLAIN, _MAPPINGS, {"abc.Iterator", "None"})
    known = all(
        one.name.startswith("lockgate.") or any(one.name in names for names in sure)
        for one in (wide, narrow)
    )
    return False if known else None


def _pairwise(wide: Type, narrow: Type) -> bool | None:
    if not wide.args or not narrow.args or len(wide.args) != len(narrow.args):
        return True if not wide.args else None
    pairs = zip(wide.args, narrow.args, strict=True)
    return _every(accepts(one, other) for one, other in pairs)


def _items(wide: Type, narrow: Type) -> bool | None:
    """Of sequences and streams: whether the items fit."""
    if not wide.args or not narrow.args:
        return True if not wide.args else None
    fixed = wide.name == "tuple" and not _endless(wide)
    if fixed:
        return None if not _endless(narrow) and narrow.name == "tuple" else False
    items = narrow.args
    if narrow.name == "tuple":
        items = narrow.args[:1] if _endless(narrow) else narrow.args
    elif narrow.name != "|":
        items = narrow.args[:1]
    return _every(accepts(wide.args[0], item) for item in items)


def _endless(kind: Type) -> bool:
    """Whether a tuple is of any length: ``tuple[T, ...]``."""
    return kind.args is not None and len(kind.args) == 2 and kind.args[1].name == "..."
