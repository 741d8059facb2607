"""The text that an expression is for sure: ``"__cla" + "ss__"``, ``chr(101)``.

What hides a name is undone here: concatenation, joins, slices like ``[::-1]``,
``chr`` and ``bytes`` of numbers, hexadecimal, Base64, case and replacement,
and names with a single value. Nothing is evaluated but these; results and depth
are bounded.
"""

from __future__ import annotations

import ast
import binascii
from base64 import b64decode
from typing import Protocol

__all__ = ["Values", "fold"]

_DEPTH = 24
_TEXT_LIMIT = 4_096
_PARTS = 256


class Values(Protocol):
    """Who knows what a name stands for."""

    def value(self, name: str) -> ast.expr | None:
        """The one expression that `name` stands for, or None."""
        ...


def fold(
    node: ast.expr | None, values: Values | None = None, depth: int = _DEPTH
) -> str | bytes | None:
    """The text or bytes that `node` is, or None if that can't be said."""
    if node is None or depth <= 0:
        return None
    if isinstance(node, ast.Constant):
        found = node.value if isinstance(node.value, str | bytes) else None
    elif isinstance(node, ast.Name):
        value = values.value(node.id) if values else None
        found = fold(value, values, depth - 4)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        found = _sum(node, values, depth)
    elif isinstance(node, ast.JoinedStr):
        found = _joined(node, values, depth)
    elif isinstance(node, ast.Subscript):
        found = _slice(fold(node.value, values, depth - 1), node.slice)
    elif isinstance(node, ast.Call):
        found = _call(node, values, depth)
    else:
        return None
    return found if found is not None and len(found) <= _TEXT_LIMIT else None


def _sum(node: ast.BinOp, values: Values | None, depth: int) -> str | bytes | None:
    parts: list[ast.expr] = []
    left: ast.expr = node
    while isinstance(left, ast.BinOp) and isinstance(left.op, ast.Add):
        parts.append(left.right)
        left = left.left
        if len(parts) > _PARTS:
            return None
    parts.append(left)
    return _concatenate([fold(part, values, depth - 1) for part in reversed(parts)])


def _concatenate(parts: list[str | bytes | None]) -> str | bytes | None:
    texts = [part for part in parts if isinstance(part, str)]
    if len(texts) == len(parts):
        return "".join(texts)
    raw = [part for part in parts if isinstance(part, bytes)]
    return b"".join(raw) if len(raw) == len(parts) else None


def _joined(node: ast.JoinedStr, values: Values | None, depth: int) -> str | None:
    parts: list[str | bytes | None] = []
    for part in node.values[:_PARTS]:
        if isinstance(part, ast.FormattedValue):
            if part.format_spec is not None or part.conversion not in (-1, 115):
                return None
            part = part.value
        parts.append(fold(part, values, depth - 1))
    found = _concatenate(parts) if len(node.values) <= _PARTS else None
    return found if isinstance(found, str) else None


def _number(node: ast.expr | None) -> int | None:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _number(node.operand)
        return None if inner is None else -inner
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return node.value
    return None


def _slice(text: str | bytes | None, part: ast.expr) -> str | bytes | None:
    if text is None:
        return None
    if isinstance(part, ast.Slice):
        ends = (part.lower, part.upper, part.step)
        numbers = [_number(end) for end in ends]
        if any(n is None and e is not None for n, e in zip(numbers, ends, strict=True)):
            return None
        if numbers[2] == 0:
            return None
        return text[slice(*numbers)]
    index = _number(part)
    if index is None or not -len(text) <= index < len(text):
        return None
    return text[index : index + 1 or None]


def _call(node: ast.Call, values: Values | None, depth: int) -> str | bytes | None:
    function = node.func
    if isinstance(function, ast.Name):
        return _by_name(function.id, node, values, depth)
    if not isinstance(function, ast.Attribute):
        return None
    name = function.attr
    if name in _DECODERS and node.args:
        text = fold(node.args[0], values, depth - 1)
        return None if text is None else _decoded(_DECODERS[name], text)
    if name == "join" and len(node.args) == 1:
        return _join(fold(function.value, values, depth - 1), node.args[0], depth)
    base = fold(function.value, values, depth - 1)
    if base is None:
        return None
    given = [fold(arg, values, depth - 1) for arg in node.args[:2]]
    if name == "decode" and isinstance(base, bytes):
        return base.decode("latin-1")
    if name == "encode" and isinstance(base, str):
        return base.encode("utf-8", "surrogatepass")
    if name in ("lower", "upper", "strip", "swapcase") and not given:
        return base.swapcase() if name == "swapcase" else getattr(base, name)()
    if name == "replace" and isinstance(base, str) and len(given) == 2:
        old, new = given
        if isinstance(old, str) and isinstance(new, str) and old and len(new) < 64:
            return base.replace(old, new)
    return None


def _by_name(
    name: str, node: ast.Call, values: Values | None, depth: int
) -> str | bytes | None:
    if len(node.args) < 1:
        return None
    first = node.args[0]
    number = _number(first)
    if name == "chr" and number is not None and 0 <= number <= 0x10FFFF:
        return chr(number)
    if name in ("bytes", "bytearray") and isinstance(first, ast.List | ast.Tuple):
        numbers = [_number(item) for item in first.elts[:_TEXT_LIMIT]]
        small = [n for n in numbers if n is not None and 0 <= n <= 255]
        return bytes(small) if len(small) == len(first.elts) else None
    if name == "str":
        text = fold(first, values, depth - 1)
        return text.decode("latin-1") if isinstance(text, bytes) else text
    if name in _DECODERS:
        text = fold(first, values, depth - 1)
        return None if text is None else _decoded(_DECODERS[name], text)
    return None


def _join(separator: str | bytes | None, given: ast.expr, depth: int) -> str | None:
    if not isinstance(separator, str):
        return None
    items: list[ast.expr] = []
    if isinstance(given, ast.List | ast.Tuple):
        items = given.elts
    elif _maps_chr(given):
        items = [
            ast.Call(ast.Name("chr"), [number], []) for number in _numbers_of(given)
        ]
    parts = [fold(item, None, depth - 1) for item in items[:_PARTS]]
    texts = [part for part in parts if isinstance(part, str)]
    if not items or len(texts) != len(items):
        return None
    return separator.join(texts)


def _maps_chr(node: ast.expr) -> bool:
    """``map(chr, [...])`` or ``chr(n) for n in [...]``."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        first = node.args[0] if node.args else None
        return node.func.id == "map" and isinstance(first, ast.Name)
    if isinstance(node, ast.GeneratorExp | ast.ListComp):
        made = node.elt
        return (
            isinstance(made, ast.Call)
            and isinstance(made.func, ast.Name)
            and made.func.id == "chr"
            and len(made.args) == 1
            and isinstance(made.args[0], ast.Name)
        )
    return False


def _numbers_of(node: ast.expr) -> list[ast.expr]:
    source: ast.expr | None = None
    if isinstance(node, ast.Call) and len(node.args) == 2:
        source = node.args[1]
    elif isinstance(node, ast.GeneratorExp | ast.ListComp):
        source = node.generators[0].iter
    return source.elts if isinstance(source, ast.List | ast.Tuple) else []


_DECODERS = {
    "b64decode": "base64",
    "standard_b64decode": "base64",
    "urlsafe_b64decode": "base64",
    "a2b_base64": "base64",
    "fromhex": "hex",
    "unhexlify": "hex",
    "a2b_hex": "hex",
    "b16decode": "hex",
}


def _decoded(how: str, text: str | bytes) -> bytes | None:
    raw = text.encode("utf-8", "replace") if isinstance(text, str) else text
    try:
        if how == "hex":
            return binascii.unhexlify(raw.replace(b" ", b""))
        return b64decode(raw.translate(bytes.maketrans(b"-_", b"+/")))
    except ValueError:
        return None
