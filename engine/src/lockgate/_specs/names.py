"""Every hook's name, kind and form, for who needs to know no more of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import cast

from lockgate import hookspecs
from lockgate._hook.api import Life
from lockgate._hook.options import SPEC_ATTRIBUTE, HookOptions

__all__ = ["FREE", "hook_kinds", "hook_lives", "mistaken_for", "streams"]

FREE = frozenset({"announce", "diagnose"})
"""Hooks that a plugin of any kind may answer: to hear what happens, and to take part
in ``lockgate doctor``."""


def _marked() -> Iterator[tuple[str, Callable[..., object], HookOptions]]:
    for protocol in vars(hookspecs).values():
        if isinstance(protocol, type):
            for name, function in vars(protocol).items():
                options = getattr(function, SPEC_ATTRIBUTE, None)
                if isinstance(options, HookOptions):
                    yield name, cast("Callable[..., object]", function), options


@cache
def hook_kinds() -> Mapping[str, str]:
    """Every hook of `lockgate.hookspecs` and its kind; those removed since, too."""
    return {name: options.kind for name, _, options in _marked()}


def mistaken_for(name: str) -> str:
    """The hook of lockgate's own that `name` is so near to that it is taken for it.

    No added hook may have such a name, so it is a slip wherever it is written.
    """
    from difflib import get_close_matches

    if name in hook_kinds():
        return ""
    return next(iter(get_close_matches(name, hook_kinds(), 1, cutoff=0.8)), "")


@cache
def hook_lives() -> Mapping[str, Life]:
    """In which versions of the hook API each hook of `lockgate.hookspecs` is there."""
    return {name: options.life for name, _, options in _marked()}


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
