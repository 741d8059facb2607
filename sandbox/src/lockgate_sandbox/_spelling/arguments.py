"""Arguments of the wrong kind, told before anything is made of them.

A text is a sequence of texts to Python, and to type checkers: given where a list
of paths is asked for, ``"/srv"`` would be four of them, and the first is ``/``.
"""

from __future__ import annotations

from collections.abc import Mapping

from lockgate_sandbox.errors import PolicyError

__all__ = ["check_lists", "check_mapping", "check_seconds", "check_text"]


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
