"""Hooks inside one process: the compiled caller against pluggy's loop."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from functools import partial
from typing import Any

import pluggy

from lockgate.inprocess import PluginManager
from tests.bench.harness import Row, paired, pinned

__all__ = ["ROWS"]

_CALLS = 5000

_spec = pluggy.HookspecMarker("bench")
_impl = pluggy.HookimplMarker("bench")


class _Specs:
    @_spec
    def hook(self, first: int, second: int) -> int:  # type: ignore[empty-body]
        """Two arguments, of which an impl takes one."""


class _Plugin:
    @_impl
    def hook(self, first: int) -> int:
        return first


class _Wrapper:
    @_impl(wrapper=True)
    def hook(self) -> Generator[None, Any, Any]:
        return (yield)


def _side(
    manager: pluggy.PluginManager, impls: int, wrappers: int
) -> Callable[[], float]:
    """Seconds of one call of a hook with so many impls and wrappers."""
    manager.add_hookspecs(_Specs)
    for _ in range(impls):
        manager.register(_Plugin())
    for _ in range(wrappers):
        manager.register(_Wrapper())
    hook = manager.hook.hook

    def side() -> float:
        started = time.process_time()  # as `per_call` says; its call is saved here
        for _ in range(_CALLS):
            hook(first=1, second=2)
        return (time.process_time() - started) / _CALLS

    return side


def _row(name: str, *, impls: int, wrappers: int = 0) -> Row:
    with pinned() as placement:
        return paired(
            name,
            _side(PluginManager("bench"), impls, wrappers),
            _side(pluggy.PluginManager("bench"), impls, wrappers),
            peer_name="pluggy",
            target=1 / 3,
            unit="ns",
            placement=placement,
        )


ROWS: dict[str, Callable[[str], Row]] = {
    "hook-compiled-1": partial(_row, impls=1),
    "hook-compiled-5": partial(_row, impls=5),
    "hook-compiled-50": partial(_row, impls=50),
    "hook-compiled-5-wrapped": partial(_row, impls=5, wrappers=1),
}
