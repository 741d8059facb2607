"""Every hook's name and kind, for who needs to know no more of it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from lockgate import hookspecs
from lockgate.hookspecs import SPEC_ATTRIBUTE, HookOptions, Kind

__all__ = ["hook_kinds"]


@cache
def hook_kinds() -> Mapping[str, Kind]:
    """Every hook of `lockgate.hookspecs` and its kind."""
    kinds: dict[str, Kind] = {}
    for protocol in vars(hookspecs).values():
        if isinstance(protocol, type):
            for name, function in vars(protocol).items():
                options = getattr(function, SPEC_ATTRIBUTE, None)
                if isinstance(options, HookOptions):
                    kinds[name] = options.kind
    return kinds
