"""A plugin's own dataclasses, where an impl of an added hook is annotated with them.

What arrives has been held to the hook's schema: here it only takes the form that the
impl asked for. A class that refuses it is the impl's own matter, like any exception.
Standard library only: this runs in the worker.
"""

from __future__ import annotations

import dataclasses
import inspect
import sys
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

__all__ = ["own_types"]

_Step = Callable[[Any], Any]

_Made = dict[type, _Step | None]
"""What is known of each class; None also while it is being made: it holds itself."""


def own_types(impl: Callable[..., object]) -> Mapping[str, _Step]:
    """The parameters of `impl` that hold dataclasses, and what makes them of data."""
    function: Any = inspect.unwrap(impl)
    found: dict[str, _Step] = {}
    for name, annotation in _hints(function, getattr(function, "__globals__", {})):
        step = _step(annotation, {})
        if step is not None and name != "return":
            found[name] = step
    return found


def _hints(owner: Any, scope: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The annotations of `owner` that can be had, each for itself.

    One that can't (a name for type checkers only, the recursive `Data`) stands for
    plain data, and takes no other with it.
    """
    for name, raw in getattr(owner, "__annotations__", {}).items():
        one = SimpleNamespace(__annotations__={name: raw})
        try:
            yield name, typing.get_type_hints(one, scope)[name]
        except Exception:  # noqa: S112 - the impl then gets what everybody gets
            continue


def _step(annotation: Any, made: _Made) -> _Step | None:
    """What makes a value of the type; None if data do as they are."""
    if isinstance(annotation, type) and dataclasses.is_dataclass(annotation):
        if annotation not in made:
            made[annotation] = None
            made[annotation] = _record(annotation, made)
        return made[annotation]
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _step(arguments[0], made)
    if origin in (typing.Union, types.UnionType):
        inner = [one for one in arguments if one is not type(None)]
        one = _step(inner[0], made) if len(inner) == 1 else None
        return None if one is None else _unless_none(one)
    if not isinstance(origin, type):
        return None
    if issubclass(origin, Mapping) and len(arguments) == 2:
        return _mapping(_step(arguments[1], made), plain=origin is dict)
    if origin is list or (issubclass(origin, Sequence) and arguments):
        return _items(_step(arguments[0], made), plain=origin is list)
    return None


def _unless_none(step: _Step) -> _Step:
    return lambda value: None if value is None else step(value)


def _mapping(step: _Step | None, *, plain: bool) -> _Step | None:
    if step is None:
        return dict if plain else None
    return lambda value: {key: step(item) for key, item in value.items()}


def _items(step: _Step | None, *, plain: bool) -> _Step | None:
    if step is None:
        return list if plain else None
    if plain:
        return lambda value: [step(item) for item in value]
    return lambda value: tuple([step(item) for item in value])


def _record(cls: type, known: _Made) -> _Step | None:
    if cls.__module__ == "lockgate.values":
        return None  # a value of lockgate's is one already
    annotations = dict(_hints(cls, vars(sys.modules[cls.__module__])))
    steps = {
        field.name: step
        for field in dataclasses.fields(cls)
        if (step := _step(annotations.get(field.name), known)) is not None
    }

    def made(value: Any) -> Any:
        given = {
            name: steps[name](item) if name in steps else item
            for name, item in value.items()
        }
        return cls(**given)

    return made
