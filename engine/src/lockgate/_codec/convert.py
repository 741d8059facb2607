"""Values to wire data and back, by the declared types alone.

One converter serves both ends of the boundary: the host checks what it sends
and rebuilds what came back, the worker does the mirror image. It is driven by
the annotations of `lockgate.values`, never by a name that travelled, and it
needs nothing but the standard library, because a plugin's worker gets no
third-party module from us. (msgspec can't state the `Data` type: a recursive
union that holds both ``str`` and ``bytes``.)

A type is compiled once into two closures, and once more for the common case
(`lockgate._codec.quick`). On success no path is built; when something does not fit,
`Misfit` collects the path while it travels outwards.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Literal, NamedTuple, cast

from lockgate._codec.annotations import (
    AnyData,
    AnyDocument,
    has_records,
    hints,
    optional_of,
)
from lockgate._codec.misfit import Misfit
from lockgate._codec.quick import quick_decoder, quick_encoder
from lockgate.values import Data

__all__ = [
    "DEPTH_LIMIT",
    "Codec",
    "Exact",
    "codec",
    "literal",
    "optional",
    "sequence",
    "to_data",
]

DEPTH_LIMIT = 64
"""Deepest nesting of a `Data` value, in containers."""

INTEGER_RANGE = range(-(2**63), 2**64)
"""What the wire's integers hold."""

_Step = Callable[[object], Any]


class Exact(NamedTuple):
    """One type's two directions, step by step: what fits, and what does not."""

    shape: str
    encode: Callable[[object], Data]
    decode: Callable[[object], Any]


@dataclass(frozen=True, slots=True)
class Codec:
    """One type's two directions.

    `encode` takes a value of the type and gives plain data; `decode` takes
    plain data and gives the value. Both raise `Misfit`. They try the common case
    first (`lockgate._codec.quick`); `exact` has the last word. `records` tells whether
    values of the type hold dataclasses at all; `foreign`, that a plugin's own may stand
    for its objects, and never are its values.
    """

    encode: Callable[[object], Data]
    decode: Callable[[object], Any]
    exact: Exact
    records: bool
    foreign: bool = False

    def checked(self, value: object) -> Any:
        """`value` itself if it is a value of the type, else the one its data stand for.

        Raises:
            Misfit: If it is neither.
        """
        if self.foreign:
            return self.decode(self.encode(value))
        if not self.records or not _holds_values(value):
            return self.decode(value)
        data = self.encode(value)
        return value if dataclasses.is_dataclass(value) else self.decode(data)

    def canonical(self, value: object) -> Data:
        """The plain data of `value`, which may itself be plain data already.

        Raises:
            Misfit: If it is neither a value of the type nor the data of one.
        """
        if self.encode is self.decode or (self.records and _holds_values(value)):
            return self.encode(value)
        # Through the value and back: its own checks run, defaults are filled in.
        return self.encode(self.decode(value))


def _holds_values(value: object) -> bool:
    """Whether there are values (dataclasses) in it, not only their data."""
    if isinstance(value, (list, tuple)):
        items = cast("Sequence[object]", value)
        return bool(items) and _holds_values(items[0])
    return dataclasses.is_dataclass(value)


# -- Data: the closed set -----------------------------------------------------


def _data(value: object, depth: int = 0) -> Data:
    """`value` rebuilt from lists, dicts and scalars, or a `Misfit`."""
    kind = type(value)
    # No cast: this is the hot path, and a cast is a call.
    if value is None or kind is bool or kind is str or kind is float or kind is bytes:
        return value  # type: ignore[return-value]
    if isinstance(value, int):
        if int(value) not in INTEGER_RANGE:
            raise Misfit("an integer of at most 64 bits", found="a larger one")
        return int(value)
    if depth >= DEPTH_LIMIT:
        raise Misfit(f"at most {DEPTH_LIMIT} levels of nesting", found="more")
    if isinstance(value, Mapping):
        return _data_object(cast("Mapping[object, object]", value), depth)
    if isinstance(value, (list, tuple)):
        items: list[Data] = []
        for index, item in enumerate(cast("Sequence[object]", value)):
            try:
                items.append(_data(item, depth + 1))
            except Misfit as error:
                raise error.below(f"[{index}]") from None
        return items
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, float):
        return float(value)
    raise Misfit("null, boolean, number, string, bytes, list or object", value)


def _data_object(value: Mapping[object, object], depth: int) -> Data:
    found: dict[str, Data] = {}
    for key, item in value.items():
        if not isinstance(key, str):
            raise Misfit("string keys", key)
        try:
            found[str.__str__(key)] = _data(item, depth + 1)
        except Misfit as error:
            raise error.below(key[:80]) from None
    return found


def _document(value: object) -> Data:
    if not isinstance(value, Mapping):
        raise Misfit("an object", value)
    return _data_object(cast("Mapping[object, object]", value), 0)


# -- scalars --------------------------------------------------------------------


def _only(kind: type, shape: str) -> Exact:
    def step(value: object) -> Any:
        if type(value) is kind:
            return value
        if kind is str and isinstance(value, str):
            return str.__str__(value)
        if kind is bytes and isinstance(value, bytearray):
            return bytes(value)
        raise Misfit(shape, value)

    return Exact(shape, step, step)


def _integer(value: object) -> Any:
    if type(value) is not int:
        raise Misfit("an integer", value)
    if value not in INTEGER_RANGE:
        raise Misfit("an integer of at most 64 bits", found="a larger one")
    return value


def _number(value: object) -> Any:
    if type(value) is float:
        return value
    if type(value) is int and value in INTEGER_RANGE:
        return float(value)
    raise Misfit("a number", value)


def _nothing(value: object) -> Any:
    if value is not None:
        raise Misfit("nothing", value)


_SCALARS: Mapping[object, Exact] = {
    bool: _only(bool, "true or false"),
    str: _only(str, "a string"),
    bytes: _only(bytes, "bytes"),
    int: Exact("an integer", _integer, _integer),
    float: Exact("a number", _number, _number),
    type(None): Exact("nothing", _nothing, _nothing),
    AnyData: Exact("plain data", _data, _data),
    AnyDocument: Exact("an object", _document, _document),
}


def literal(choices: tuple[object, ...]) -> Exact:
    """One of `choices`, which are strings."""
    shape = "one of " + ", ".join(repr(choice) for choice in choices)
    allowed = frozenset(choices)

    def step(value: object) -> Any:
        if isinstance(value, str) and value in allowed:
            return str.__str__(value)
        raise Misfit(shape, value)

    return Exact(shape, step, step)


# -- containers -----------------------------------------------------------------


def _each(value: object, step: _Step) -> list[Any]:
    if not isinstance(value, (list, tuple)):
        raise Misfit("a list", value)
    items: list[Any] = []
    for index, item in enumerate(cast("Sequence[object]", value)):
        try:
            items.append(step(item))
        except Misfit as error:
            raise error.below(f"[{index}]") from None
    return items


def sequence(item: Exact) -> Exact:
    """A list of `item`; what is decoded is a tuple."""

    def encode(value: object) -> Data:
        return _each(value, item.encode)

    def decode(value: object) -> Any:
        return tuple(_each(value, item.decode))

    return Exact(f"a list of {item.shape}", encode, decode)


def optional(inner: Exact) -> Exact:
    """`inner`, or None."""

    def encode(value: object) -> Data:
        return None if value is None else inner.encode(value)

    def decode(value: object) -> Any:
        return None if value is None else inner.decode(value)

    return Exact(f"{inner.shape} or nothing", encode, decode)


def _record(cls: type) -> Exact:
    fields = dataclasses.fields(cls)
    annotations = hints(cls)
    parts = {field.name: _exact(annotations[field.name]) for field in fields}
    required = [
        field.name
        for field in fields
        if field.default is dataclasses.MISSING
        and field.default_factory is dataclasses.MISSING
    ]
    shape = f"an object of type {cls.__name__}"
    named = f"a{'n' if cls.__name__[0] in 'AEIOU' else ''} {cls.__name__}"

    def encode(value: object) -> Data:
        if type(value) is not cls:
            raise Misfit(named, value)
        return {
            name: _field(name, part.encode, getattr(value, name))
            for name, part in parts.items()
        }

    def decode(value: object) -> Any:
        if not isinstance(value, Mapping):
            raise Misfit(shape, value)
        given: dict[str, Any] = {}
        for name, item in cast("Mapping[str, object]", value).items():
            part = parts.get(name)
            if part is None:
                raise Misfit(f"only the fields {', '.join(parts)}", name)
            given[name] = _field(name, part.decode, item)
        for name in required:
            if name not in given:
                raise Misfit(f"the field {name!r} of {cls.__name__}", found="none")
        return _build(cls, given)

    return Exact(shape, encode, decode)


def _field(name: str, step: _Step, value: object) -> Any:
    """What `step` makes of the value of a field; a misfit in it is told to be there."""
    try:
        return step(value)
    except Misfit as error:
        raise error.below(name) from None


def _build(cls: type, given: Mapping[str, Any]) -> Any:
    """Construct `cls`; its own refusal (a path outside a tree ...) is a misfit."""
    try:
        return cls(**given)
    except ValueError as error:
        raise Misfit(f"a sound {cls.__name__}", found=str(error)) from error


# -- types to codecs --------------------------------------------------------------


@lru_cache(maxsize=256)
def codec(annotation: Hashable) -> Codec:
    """The codec of a type that may stand in a hook spec.

    Raises:
        TypeError: If the type is not one of the closed set.
    """
    exact = _exact(annotation)
    encode = _quick_first(partial(quick_encoder, annotation), exact.encode)
    if exact.encode is exact.decode:
        return Codec(encode, encode, exact, records=False)
    decode = _quick_first(partial(quick_decoder, annotation), exact.decode)
    return Codec(encode, decode, exact, has_records(annotation))


def _quick_first(make: Callable[[], _Step], exact: _Step) -> _Step:
    """What tries the common case, compiled when it is first needed, then `exact`."""

    def first(value: object) -> Any:
        steps[0] = made = make()
        return made(value)

    steps: list[_Step] = [first]

    def step(value: object) -> Any:
        try:
            return steps[0](value)
        except Exception:  # whatever it was, `exact` knows it better
            return exact(value)

    return step


@lru_cache(maxsize=256)
def _exact(annotation: Hashable) -> Exact:
    scalar = _SCALARS.get(annotation)
    if scalar is not None:
        return scalar
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return _union(annotation)
    if origin is Literal:
        return literal(arguments)
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return sequence(_exact(arguments[0]))
    if isinstance(annotation, type) and dataclasses.is_dataclass(annotation):
        return _record(annotation)
    msg = f"a hook can't carry the type {annotation!r}"
    raise TypeError(msg)


def _union(annotation: object) -> Exact:
    inner = optional_of(annotation)
    if inner is not None:
        return optional(_exact(inner))
    msg = f"a hook can't carry a union of {typing.get_args(annotation)!r}"
    raise TypeError(msg)


def to_data(value: object) -> Data:
    """Any value of a hook (or plain data) as plain data: lists, dicts, scalars.

    Raises:
        Misfit: If it holds something outside the closed set.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return codec(type(value)).encode(value)
    if isinstance(value, (list, tuple)):
        return [to_data(item) for item in cast("Sequence[object]", value)]
    return _data(value)
