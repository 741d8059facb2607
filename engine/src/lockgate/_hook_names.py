"""Every hook's name, kind and form, for who needs to know no more of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import cast

from lockgate import hookspecs
from lockgate.hookspecs import SPEC_ATTRIBUTE, HookOptions

__all__ = ["hook_kinds", "streams"]


def _marked() -> Iterator[tuple[str, Callable[..., object], HookOptions]]:
    for protocol in vars(hookspecs).values():
        if isinstance(protocol, type):
            for name, function in vars(protocol).items():
                options = getattr(function, SPEC_ATTRIBUTE, None)
                if isinstance(options, HookOptions):
                    yield name, cast("Callable[..., object]", function), options


@cache
def hook_kinds() -> Mapping[str, str]:
    """Every hook of `lockgate.hookspecs` and its kind."""
    return {name: options.kind for name, _, options in _marked()}


@cache
def streams() -> frozenset[str]:
    """The hooks that give a stream; by their annotation as it is written."""
    return frozenset(
        name
        for name, function, _ in _marked()
        if str(function.__annotations__["return"]).startswith(
            ("Iterator[", "AsyncIterator[")
        )
    )
