"""What in a value may not cross, told so that somebody finds it.

Looked for when something is wrong, and where a value is to be checked in full before:
a codec converts what it knows below the levels that it is asked to look at, and a
dataclass would cross with all that is in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import cast

from lockgate_sandbox.errors import PolicyError

__all__ = ["CROSSES", "is_data", "unfit"]

CROSSES = (
    "what crosses: None, bool, int of 64 bits, float, str, bytes, lists, dicts with "
    "text as keys, arrays of numbers; of anything else, what you make of it, like "
    "list(a_set) or str(a_path)"
)
"""The way out for whoever gave something else."""

_LEAVES = frozenset({type(None), bool, int, float, str, bytes})
_KINDS = (type(None), int, float, str, bytes)
_HOLDERS = frozenset({dict, list, tuple})
_TEXT = frozenset({str})
_LEVELS = 64
"""Of what lies deeper the protocol's own limit tells."""

_CHARS = 200


def is_data(value: object) -> bool:
    """Whether `value` is made of the types that cross; numbers are not looked at."""
    return _is_data(value, set(), 0)


def _is_data(value: object, seen: set[int], level: int) -> bool:
    kind = type(value)
    if kind in _LEAVES:
        return True
    if kind not in _HOLDERS and not _holds(value):
        return _crosses_alone(value)
    if id(value) in seen or level > _LEVELS:
        return True
    seen.add(id(value))
    items = cast("Iterable[object]", value)
    if isinstance(value, dict):
        kinds = {*map(type, items)}
        if not kinds <= _TEXT and not all(issubclass(one, str) for one in kinds):
            return False
        items = cast("dict[object, object]", value).values()
    if {*map(type, items)} <= _LEAVES:
        return True
    return all(_is_data(item, seen, level + 1) for item in items)


def _holds(value: object) -> bool:
    return isinstance(value, dict | list | tuple)


def _crosses_alone(value: object) -> bool:
    if isinstance(value, _KINDS):
        return True
    try:
        memoryview(value).release()  # type: ignore[arg-type] # pyright: ignore
    except TypeError:
        return False
    return True


def unfit(what: str, value: object, why: object) -> PolicyError:
    """The error for `what`, which is `value` and can't cross because of `why`."""
    told = next(_misfits(value, what, set(), 0), f"{what}: {why}")
    return PolicyError(told, hint=CROSSES)


def _misfits(value: object, place: str, seen: set[int], level: int) -> Iterator[str]:
    if _holds(value):
        if id(value) in seen or level > _LEVELS:
            return
        seen.add(id(value))
        named = not isinstance(value, list | tuple)
        for key, item in _items(value):
            if named and not isinstance(key, str):
                yield f"{_cut(place)}: a key is not a string: {_cut(repr(key))}"
            else:
                yield from _misfits(item, f"{place}[{key!r}]", seen, level + 1)
    elif isinstance(value, int):
        if not -(1 << 63) <= value < 1 << 64:
            yield f"{_cut(place)}: an int of more than 64 bits can't cross"
    elif isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            yield f"{_cut(place)}: a text that is no UTF-8 can't cross: {error.reason}"
    elif not _crosses_alone(value):
        yield f"{_cut(place)}: objects of type {type(value).__name__} can't cross"


def _items(value: object) -> Iterable[tuple[object, object]]:
    if isinstance(value, dict):
        return cast("dict[object, object]", value).items()
    return enumerate(cast("Sequence[object]", value))


def _cut(text: str) -> str:
    return text if len(text) <= _CHARS else f"{text[:_CHARS]}..."
