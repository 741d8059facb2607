"""The caller of one hook: pluggy's, which becomes a compiled one when it is hot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pluggy

from lockgate.inprocess._compile import HAS_DEFAULTS, compiled

__all__ = ["CompiledCaller"]

_COLD_CALLS = 2
"""As many calls after a change of the impls go through pluggy's loop: a hook that
is called once for each change would only ever be compiled."""


class CompiledCaller(pluggy.HookCaller):
    """Calls every impl of a hook, by a method made for just these impls.

    The method stands in a class of its own that the caller takes on, and loses when
    the impls change: a lookup at each call would cost more than all the rest. While
    calls are traced or monitored, and where pluggy must look itself, its own loop
    is used.
    """

    __slots__ = ("_cold", "_watched")

    def __init__(
        self, name: str, hook_execute: Any, watched: Callable[[], bool]
    ) -> None:
        super().__init__(name, hook_execute)
        self._cold = _COLD_CALLS
        self._watched = watched

    def forget(self) -> None:
        """Call by pluggy's loop again: what the method was made from has changed."""
        object.__setattr__(self, "__class__", CompiledCaller)
        self._cold = _COLD_CALLS

    def set_specification(
        self, specmodule_or_class: Any, spec_opts: pluggy.HookspecOpts
    ) -> None:
        """Take a spec, as pluggy does."""
        super().set_specification(specmodule_or_class, spec_opts)
        self.forget()

    def _add_hookimpl(self, hookimpl: pluggy.HookImpl) -> None:
        super()._add_hookimpl(hookimpl)
        self.forget()

    def _remove_plugin(self, plugin: object) -> None:
        super()._remove_plugin(plugin)
        self.forget()

    def filled(self, kwargs: Mapping[str, object]) -> Mapping[str, object]:
        """The arguments of a call, with the spec's defaults for those left out."""
        return self._apply_defaults(kwargs) if HAS_DEFAULTS else kwargs

    def call_loop(self, given: Mapping[str, object]) -> Any:
        """Call by pluggy's loop; `given` are the arguments, defaults filled in."""
        firstresult = self.spec.opts.get("firstresult", False) if self.spec else False
        return self._hookexec(self.name, self._hookimpls.copy(), given, firstresult)

    def _heat(self) -> None:
        """Have the method made, if the calls are many and it can be made."""
        self._cold -= 1
        if self._cold or self.spec is None or self._watched():
            return
        method = compiled(self.spec, self._hookimpls)
        if method is not None:
            space = {"__slots__": (), "__call__": method}
            own = type("CompiledCaller", (CompiledCaller,), space)
            object.__setattr__(self, "__class__", own)

    def __call__(self, **kwargs: object) -> Any:
        """Call the hook; see `pluggy.HookCaller`."""
        __tracebackhide__ = True
        if self.is_historic():
            # The type is pluggy's: its users may catch it.
            raise AssertionError("a historic hook is called by call_historic")
        self._heat()
        given = self.filled(kwargs)
        self._verify_all_args_are_provided(given)
        # pluggy's own words, not `call_loop`: its warnings count frames.
        firstresult = self.spec.opts.get("firstresult", False) if self.spec else False
        return self._hookexec(self.name, self._hookimpls.copy(), given, firstresult)
