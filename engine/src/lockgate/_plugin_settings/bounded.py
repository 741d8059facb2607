"""A plugin's JSON Schema, held against settings in the host, within bounds.

The schema is the plugin's word, and what it is held against may be too: its defaults.
So nothing of it may take longer than is counted here. Python's own regular expressions
go back and forth for hours over forty characters, and hold the whole process meanwhile;
those of pydantic's core take time that grows with the text alone (and know no
look-around and no back-reference).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

__all__ = ["STEP_LIMIT", "UncheckableError", "errors_of"]

STEP_LIMIT = 200_000
"""Keywords, and entries that they look at, in one check."""

_Check = Callable[[Any, Any, Any, Any], Iterator[Any]]
_LEFT_OUT = ("unevaluatedProperties", "unevaluatedItems")
"""Keywords whose work is not that of the schema and the value alone."""


class UncheckableError(Exception):
    """The schema can't be held against anything within bounds; the text says why."""


def errors_of(schema: Mapping[str, Any], settings: object) -> list[Any]:
    """What of `settings` does not fit, as jsonschema's errors.

    Raises:
        UncheckableError: If it takes too many steps, or a keyword is left out.
    """
    from jsonschema import Draft202012Validator, validators

    # Its own types are loose: what is used of it is typed here.
    base: Any = Draft202012Validator
    toolbox: Any = validators
    own: dict[str, Any] = {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional,
        "uniqueItems": _unique,
        **{keyword: _left_out(keyword) for keyword in _LEFT_OUT},
    }
    left = [STEP_LIMIT]
    checks = {
        keyword: _counted(own.get(keyword, check), keyword, left)
        for keyword, check in base.VALIDATORS.items()
    }
    made: Any = toolbox.extend(base, checks)
    try:
        return list(made(_plain(schema)).iter_errors(settings))
    except RecursionError:
        raise UncheckableError("it refers to itself without end") from None


def _plain(schema: object) -> Any:
    """`schema` without ``$schema``: below one, jsonschema takes its own checks."""
    if isinstance(schema, Mapping):
        table = cast("Mapping[str, object]", schema)
        kept = (k for k, v in table.items() if k != "$schema" or not isinstance(v, str))
        return {key: _plain(table[key]) for key in kept}
    if isinstance(schema, list | tuple):
        return [_plain(one) for one in cast("Sequence[object]", schema)]
    return schema


def _counted(check: _Check, keyword: str, left: list[int]) -> _Check:
    def step(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
        given, looked = _size(value), _size(instance)
        left[0] -= 1 + (given * looked if keyword == "enum" else given + looked)
        if left[0] < 0:
            raise UncheckableError(f"it takes over {STEP_LIMIT:,} steps")
        yield from check(validator, value, instance, schema) or ()

    return step


def _size(value: object) -> int:
    return (
        1 + len(cast("Sequence[Any]", value)) if isinstance(value, list | dict) else 1
    )


def _left_out(keyword: str) -> _Check:
    def refuse(_: Any, __: Any, ___: Any, ____: Any) -> Iterator[Any]:
        raise UncheckableError(f"{keyword!r} is not supported")

    return refuse


def _error(message: str) -> Any:
    import jsonschema

    return jsonschema.ValidationError(message)


@lru_cache(maxsize=256)
def _matcher(pattern: str) -> Any:
    from pydantic_core import SchemaError, SchemaValidator, core_schema

    try:
        return SchemaValidator(
            core_schema.str_schema(pattern=pattern, regex_engine="rust-regex")
        )
    except SchemaError:
        message = f"the pattern {pattern[:80]!r} can't be matched in bounded time"
        raise UncheckableError(message) from None


def _matches(pattern: str, text: str) -> bool:
    return bool(_matcher(pattern).isinstance_python(text))


def _pattern(_: Any, pattern: str, instance: Any, __: Any) -> Iterator[Any]:
    if isinstance(instance, str) and not _matches(pattern, instance):
        yield _error(f"{instance!r} does not match {pattern!r}")


def _pattern_properties(
    validator: Any, patterns: Mapping[str, Any], instance: Any, _: Any
) -> Iterator[Any]:
    table = cast("dict[str, Any]", instance if isinstance(instance, dict) else {})
    for key, value in table.items():
        for pattern, below in patterns.items():
            if _matches(pattern, key):
                yield from validator.descend(
                    value, below, path=key, schema_path=pattern
                )


def _additional(
    validator: Any, allowed: Any, instance: Any, schema: Mapping[str, Any]
) -> Iterator[Any]:
    if not isinstance(instance, dict):
        return
    table = cast("dict[str, Any]", instance)
    named: Any = schema.get("properties", {})
    patterns: Any = schema.get("patternProperties", {})
    more = [
        key
        for key in table
        if key not in named and not any(_matches(one, key) for one in patterns)
    ]
    if isinstance(allowed, dict):
        for key in more:
            yield from validator.descend(table[key], allowed, path=key)
    elif not allowed and more:
        shown = ", ".join(map(repr, more))
        verb = "was" if len(more) == 1 else "were"
        yield _error(
            f"Additional properties are not allowed ({shown} {verb} unexpected)"
        )


def _unique(_: Any, wanted: bool, instance: Any, __: Any) -> Iterator[Any]:
    if not wanted or not isinstance(instance, list):
        return
    items = cast("list[object]", instance)
    if len({_as_text(one) for one in items}) < len(items):
        yield _error(f"{instance!r} has non-unique elements")


def _as_text(value: object) -> str:
    return json.dumps(_as_number(value), sort_keys=True, default=repr)


def _as_number(value: object) -> object:
    """`value` with 1.0 written as 1: JSON Schema takes them for the same."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_as_number(one) for one in cast("list[object]", value)]
    if isinstance(value, dict):
        table = cast("dict[str, object]", value)
        return {key: _as_number(one) for key, one in table.items()}
    return value
