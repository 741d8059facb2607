"""The codec's fast path: for each type two functions, generated once.

They know the common case only, exact types in their full form, and leave by any
exception at all; `lockgate._codec.convert` then goes its own way, which is slower, has
the last word on what fits, and says precisely what does not. So a mistake here
could refuse nothing and describe nothing, and a test holds that it accepts only
what the other accepts, with an equal result.

What is compiled is this module's template, filled with the field names of our
own value types (identifiers) and with nothing that travelled.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from typing import Any, Literal

from lockgate._codec.annotations import AnyData, AnyDocument, hints, optional_of

__all__ = ["Odd", "Pair", "quick_decoder", "quick_encoder"]

Pair = tuple[Callable[[Any], Any], Callable[[Any], Any]]
"""A type's two directions: encode, decode."""


class Odd(Exception):  # noqa: N818 - no error: the slow path shall look at it
    """Not the common case."""


_AS_IT_IS = frozenset({str, bytes, bool, float, type(None)})
_LISTS = frozenset({list, tuple})
_DEPTH_LIMIT = 64
_INTEGER_LEAST, _INTEGER_END = -(2**63), 2**64


def _data(value: Any, depth: int = 0) -> Any:
    """A copy of plain data, of exact types only."""
    kind = type(value)  # pyright: ignore[reportUnknownVariableType]
    if kind in _AS_IT_IS:
        return value
    if kind is int and _INTEGER_LEAST <= value < _INTEGER_END:
        return value
    if depth >= _DEPTH_LIMIT:
        raise Odd
    if kind is dict:
        return _document(value, depth)
    if kind is list or kind is tuple:
        depth += 1
        return [v if type(v) in _AS_IT_IS else _data(v, depth) for v in value]
    raise Odd


def _document(value: Any, depth: int = 0) -> Any:
    if type(value) is not dict:
        raise Odd
    if not value:
        return {}
    depth += 1
    found: dict[str, Any] = {}
    for key, item in value.items():  # pyright: ignore[reportUnknownVariableType]
        if type(key) is not str:  # pyright: ignore[reportUnknownArgumentType]
            raise Odd
        found[key] = item if type(item) in _AS_IT_IS else _data(item, depth)  # pyright: ignore[reportUnknownArgumentType]
    return found


def _scalar(kind: type) -> Pair:
    def step(value: Any) -> Any:
        if type(value) is not kind:
            raise Odd
        return value

    return step, step


def _integer(value: Any) -> Any:
    if type(value) is int and _INTEGER_LEAST <= value < _INTEGER_END:
        return value
    raise Odd


_SCALARS: Mapping[object, Pair] = {
    **{kind: _scalar(kind) for kind in (bool, str, bytes, float)},
    int: (_integer, _integer),
    AnyData: (_data, _data),
    AnyDocument: (_document, _document),
}


def _literal(choices: frozenset[object]) -> Pair:
    def step(value: Any) -> Any:
        if type(value) is str and value in choices:
            return value
        raise Odd

    return step, step


def _sequence(item: Any) -> Pair:
    """Lists and tuples. Of scalars, the types are compared as sets, in C."""
    if item in (str, bytes, float, bool):
        fits = frozenset({item})

        def encode_scalars(value: Any) -> Any:
            if type(value) not in _LISTS or not fits.issuperset(map(type, value)):  # pyright: ignore[reportUnknownArgumentType]
                raise Odd
            return list(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]

        def decode_scalars(value: Any) -> Any:
            if type(value) not in _LISTS or not fits.issuperset(map(type, value)):  # pyright: ignore[reportUnknownArgumentType]
                raise Odd
            return tuple(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]

        return encode_scalars, decode_scalars
    one_out, one_in = _pair(item)

    def encode(value: Any) -> Any:
        if type(value) not in _LISTS:
            raise Odd
        return [one_out(v) for v in value]  # pyright: ignore[reportUnknownVariableType]

    def decode(value: Any) -> Any:
        if type(value) not in _LISTS:
            raise Odd
        return tuple([one_in(v) for v in value])  # pyright: ignore[reportUnknownVariableType]

    return encode, decode


def _optional(inner: Pair) -> Pair:
    encode, decode = inner
    return (
        lambda value: None if value is None else encode(value),
        lambda value: None if value is None else decode(value),
    )


_RECORD = """\
def encode(value):
    if type(value) is not cls:
        raise Odd
{read}
{checks_out}
    return {{{pairs}}}

def decode(value):
    if type(value) is not dict or len(value) != {count}:
        raise Odd
{take}
{checks_in}
    return cls({names})
"""


def _record(cls: type) -> Pair:
    """A value type: its fields inline, scalars without a call."""
    fields = hints(cls)
    space: dict[str, Any] = {"cls": cls, "Odd": Odd}
    read: list[str] = []
    take: list[str] = []
    checks_out: list[str] = []
    checks_in: list[str] = []
    for number, (name, annotation) in enumerate(fields.items()):
        read.append(f"    f{number} = value.{name}")
        take.append(f"    f{number} = value[{name!r}]")
        if annotation in (str, bytes, bool, float):
            kind = typing.cast(type, annotation).__name__
            check = f"    if type(f{number}) is not {kind}: raise Odd"
            checks_out.append(check)
            checks_in.append(check)
            continue
        space[f"out{number}"], space[f"in{number}"] = _pair(annotation)
        checks_out.append(f"    f{number} = out{number}(f{number})")
        checks_in.append(f"    f{number} = in{number}(f{number})")
    source = _RECORD.format(
        read="\n".join(read),
        take="\n".join(take),
        checks_out="\n".join(checks_out),
        checks_in="\n".join(checks_in),
        pairs=", ".join(f"{name!r}: f{i}" for i, name in enumerate(fields)),
        names=", ".join(f"f{i}" for i in range(len(fields))),
        count=len(fields),
    )
    exec(source, space)  # noqa: S102 - the template above, filled with our own names
    return space["encode"], space["decode"]


def _pair(annotation: Any) -> Pair:
    scalar = _SCALARS.get(annotation)
    if scalar is not None:
        return scalar
    inner = optional_of(annotation)
    if inner is not None:
        return _optional(_pair(inner))
    arguments = typing.get_args(annotation)
    if typing.get_origin(annotation) is Literal:
        return _literal(frozenset(arguments))
    if typing.get_origin(annotation) is tuple:
        return _sequence(arguments[0])
    return _record(annotation)


def quick_encoder(annotation: object) -> Callable[[Any], Any]:
    """What encodes the common case of a type that `lockgate._codec.convert` knows."""
    return _pair(annotation)[0]


def quick_decoder(annotation: object) -> Callable[[Any], Any]:
    """What decodes the common case of a type that `lockgate._codec.convert` knows."""
    return _pair(annotation)[1]
