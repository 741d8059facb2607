"""Arguments of the wrong kind, told before anything is made of them.

A text is a sequence of texts to Python, and to type checkers: given where a list
of paths is asked for, ``"/srv"`` would be four of them, and the first is ``/``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, cast

from lockgate_sandbox.errors import PolicyError

__all__ = [
    "check_bytes",
    "check_kind",
    "check_lists",
    "check_mapping",
    "check_seconds",
    "check_text",
    "check_texts",
    "entries_of",
    "named",
    "pairs_of",
]

T = TypeVar("T")


def check_lists(**given: object) -> None:
    """Refuse a lone text where a list of them is meant.

    Raises:
        PolicyError: If one of `given`, by its name, is a text or bytes.
    """
    for what, value in given.items():
        if isinstance(value, str | bytes):
            msg = f"{what} is a list, not one text: {value!r}"
            raise PolicyError(msg, hint=f"{what}=[{value!r}]")


def check_mapping(what: str, value: object, example: str) -> None:
    """Refuse what has no names, told by `example`.

    Raises:
        PolicyError: If `value` is no mapping.
    """
    if not isinstance(value, Mapping):
        msg = f"{what} is a mapping, not {_kind(value)}"
        raise PolicyError(msg, hint=f"{what}={example}")


def named(what: str, given: Mapping[str, Any] | None) -> dict[str, Any]:
    """`given` as a dict of its own.

    Raises:
        PolicyError: If it is no mapping.
    """
    try:
        return dict(given or {})
    except (TypeError, ValueError):
        check_mapping(what, given, "{'name': value}")
        raise


def check_texts(what: str, values: Iterable[object]) -> None:
    """Refuse what holds something else than text.

    Raises:
        PolicyError: If one of `values` is no text.
    """
    for value in values:
        if not isinstance(value, str):
            msg = f"{what} holds text, not {_kind(value)}"
            raise PolicyError(msg, hint=f"str({value!r})"[:200])


def check_bytes(what: str, value: object) -> None:
    """Refuse what is no bytes.

    Raises:
        PolicyError: If `value` is text, or anything else without a buffer.
    """
    if not isinstance(value, bytes | bytearray | memoryview):
        hint = "text.encode()" if isinstance(value, str) else ""
        raise PolicyError(f"{what} is bytes, not {_kind(value)}", hint=hint)


def check_kind(what: str, value: object, kind: type, example: str) -> None:
    """Refuse what is of another class than `kind`, told by `example`.

    Raises:
        PolicyError: If `value` is no `kind`.
    """
    if not isinstance(value, kind):
        msg = f"{what} is a {kind.__name__}, not {_kind(value)}"
        raise PolicyError(msg, hint=example)


def entries_of(
    what: str, values: object, kind: type[T] | tuple[type[T], type[str]], example: str
) -> tuple[T, ...]:
    """Each of `values` once, in order; `example` is how one is made of ``{!r}``.

    Raises:
        PolicyError: If it is no list, or one of them is no `kind`.
    """
    check_lists(**{what: values})
    if not isinstance(values, Iterable):
        msg = f"{what} is a list, not {_kind(values)}"
        raise PolicyError(msg, hint=f"{what}=[{example.format('...')}]")
    found = tuple(cast("Iterable[object]", values))
    for value in found:
        if not isinstance(value, kind):
            written = example.format(value) if isinstance(value, str) else ""
            first = kind[0] if isinstance(kind, tuple) else kind
            made = "text" if first is str else f"values of type {first.__name__}"
            raise PolicyError(
                f"{what} holds {made}, not {_kind(value)}: {value!r:.200}",
                hint=f"{what}=[{written or example.format('...')}]",
            )
    return tuple(dict.fromkeys(cast("tuple[T, ...]", found)))


def pairs_of(what: str, given: object, example: str) -> tuple[tuple[str, str], ...]:
    """The pairs of text that a mapping, or a list of pairs, is.

    Raises:
        PolicyError: If it is neither, or holds something else than text.
    """
    items: object = given
    if isinstance(given, Mapping):
        items = cast("Mapping[object, object]", given).items()
    found: list[tuple[str, str]] = []
    for item in cast("Iterable[object]", items) if _is_many(items) else [items]:
        one, is_pair = item, isinstance(item, tuple | list)
        pair = tuple(cast("Iterable[object]", item)) if is_pair else ()
        if len(pair) != 2 or not isinstance(pair[0], str):
            said = f": {item!r:.200}" if isinstance(item, str) else ""
            msg = f"{what} is a mapping of text to text, not {_kind(one)}{said}"
            raise PolicyError(msg, hint=example)
        if not isinstance(pair[1], str):  # not with the value: it may be a secret
            msg = f"{what}: the value of {pair[0]!r} is text, not {_kind(pair[1])}"
            raise PolicyError(msg, hint=example)
        found.append((pair[0], pair[1]))
    return tuple(found)


def _is_many(value: object) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str | bytes)


def check_text(what: str, value: object) -> None:
    """Refuse what is no source text.

    Raises:
        PolicyError: If `value` is neither text nor bytes.
    """
    if not isinstance(value, str | bytes):
        raise PolicyError(f"{what} is a text, not {_kind(value)}")


def check_seconds(what: str, value: object) -> None:
    """Refuse what is no time; None, and a time that is over, are one.

    Raises:
        PolicyError: If `value` is no number, or not-a-number.
    """
    if value is None:
        return
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or value != value:  # a nan is not itself
        msg = f"{what} is a number of seconds, not {value!r}"
        raise PolicyError(msg)


def _kind(value: object) -> str:
    return "None" if value is None else f"a value of type {type(value).__name__}"
