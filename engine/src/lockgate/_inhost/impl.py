"""A function of a plugin of the trusted base, and what it is called with."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lockgate._codec.own_types import own_types
from lockgate._guest.awaiting import is_awaiting
from lockgate._specs.spec import CONTEXT, HookSpec

__all__ = ["InHostImpl"]


@dataclass(frozen=True, slots=True)
class InHostImpl:
    """A plugin's function for a hook, and what it is called with.

    `wanted` holds the arguments that it takes and how each is made of the call's
    data: anew for each plugin, so that none sees what another did to them. `awaits`
    tells a coroutine function or an async generator.
    """

    impl: Callable[..., object]
    wanted: tuple[tuple[str, Callable[[object], Any]], ...]
    context: bool
    awaits: bool

    @classmethod
    def of(cls, spec: HookSpec, impl: Callable[..., object]) -> InHostImpl:
        """What calls `impl` with the arguments that it takes, in its own types."""
        wants = frozenset(inspect.signature(impl).parameters)
        own: Mapping[str, Callable[[Any], Any]] = own_types(impl) if spec.added else {}
        wanted = [
            (a.name, _then(a.codec.decode, own.get(a.name)))
            for a in spec.arguments
            if a.name in wants
        ]
        return cls(impl, tuple(wanted), CONTEXT in wants, is_awaiting(impl))


def _then(
    decode: Callable[[object], Any], own: Callable[[Any], Any] | None
) -> Callable[[object], Any]:
    """What gives the plugin's own class, where the impl is annotated with one."""
    return decode if own is None else lambda value: own(decode(value))
