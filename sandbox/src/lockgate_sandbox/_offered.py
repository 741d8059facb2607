"""Functions of the host as a text may call them: by names, over the wire.

What crosses is a mapping, so that a parameter has its name there, and what goes into
``*rest`` stands together under the name `REST`, which no parameter can have.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import cast

from lockgate_sandbox.errors import Data, PolicyError

__all__ = ["REST", "callback_of", "check_plain", "parameters_of"]

REST = "*"
"""`_guest/lockgate_guest.py` writes it too."""

_ONLY = inspect.Parameter.POSITIONAL_ONLY
_PLACED = (_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def check_plain(what: str, function: object) -> None:
    """Refuse what is no plain function with parameters that can be read.

    Raises:
        PolicyError: If so.
    """
    if not callable(function):
        msg = f"{what} can't be called: {function!r}"
        raise PolicyError(msg, hint="give a function")
    if inspect.iscoroutinefunction(function):
        raise PolicyError(
            f"{what} is a coroutine function, and nobody would await it",
            hint="give a plain function, which may call asyncio.run",
        )


def _signature(name: str, tool: Callable[..., object]) -> inspect.Signature:
    try:
        return inspect.signature(tool)
    except (TypeError, ValueError):
        raise PolicyError(
            f"the tool {name} does not say which parameters it has",
            hint="give a function of yours that calls it",
        ) from None


def parameters_of(name: str, tool: Callable[..., object]) -> list[Data]:
    """The parameters that a caller may give by position; `REST` stands for more.

    Raises:
        PolicyError: If the tool does not say which it has.
    """
    found: list[Data] = []
    for one in _signature(name, tool).parameters.values():
        if one.kind in _PLACED:
            found.append(one.name)
        elif one.kind is inspect.Parameter.VAR_POSITIONAL:
            found.append(REST)
    return found


def callback_of(
    name: str, tool: Callable[..., object]
) -> Callable[[dict[str, Data]], object]:
    """What answers a call of `tool` that came over the wire."""
    signature = _signature(name, tool)
    placed = [one for one in signature.parameters.values() if one.kind in _PLACED]
    takes_more = any(
        one.kind is inspect.Parameter.VAR_POSITIONAL
        for one in signature.parameters.values()
    )

    def call(arguments: dict[str, Data]) -> object:
        named, given = dict(arguments), list[Data]()
        more = named.pop(REST, []) if takes_more else []
        if not isinstance(more, list):
            raise ValueError(f"{name}(): what is given by position is a list")
        for one in placed:
            # By name, unless it has to stand at its place.
            if one.name not in named or not (more or one.kind is _ONLY):
                break
            given.append(named.pop(one.name))
        try:
            bound = signature.bind(*given, *more, **named)
        except TypeError as error:
            # A ValueError's text reaches the code, which can then correct itself.
            raise ValueError(f"{name}(): {error}") from None
        return tool(*bound.args, **bound.kwargs)

    return cast("Callable[[dict[str, Data]], object]", call)
