"""pluggy decides who is asked and in which order; this module asks.

Each plugin stands in pluggy's registry as a proxy that was made from its
manifest: a mark per hook, with the order the manifest wants. pluggy's order is
worked out once per hook; a call then goes straight to the plugins' seats, which
know what stands behind them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, Protocol, cast

import pluggy

from lockgate._answers import Answer, Answers, HookFailure
from lockgate._call import Call
from lockgate._diff import tree_diff
from lockgate._specs import spec_classes, specs
from lockgate.errors import HostClosedError, LockgateError
from lockgate.grants import Identity
from lockgate.hookspecs import SPEC_ATTRIBUTE, HookOptions
from lockgate.plugin import hookimpl
from lockgate.values import Transformation, Tree

__all__ = ["Dispatcher", "Order", "Seat"]

Order = Literal["first", "last", ""]


class Seat(Protocol):
    """A plugin as dispatch sees it."""

    @property
    def identity(self) -> Identity:
        """Who it is."""
        ...

    def ask(self, call: Call) -> Answer[object] | None:
        """Put the call to the plugin; None if it has no answer."""
        ...


class _Hooks(pluggy.PluginManager):
    """pluggy, reading lockgate's own mark on a spec."""

    def parse_hookspec_opts(
        self, module_or_class: object, name: str
    ) -> pluggy.HookspecOpts | None:
        options = getattr(getattr(module_or_class, name, None), SPEC_ATTRIBUTE, None)
        if not isinstance(options, HookOptions):
            return None
        return {
            "firstresult": options.firstresult,
            "historic": False,
            "warn_on_impl": None,
            "warn_on_impl_args": None,
        }


class _Proxy:
    """A plugin in pluggy's registry: a mark per hook, in the order it wishes."""

    def __init__(self, hooks: Mapping[str, Order]) -> None:
        for hook, order in hooks.items():
            mark = hookimpl(tryfirst=order == "first", trylast=order == "last")
            setattr(self, hook, mark(lambda: None))


def _completed(call: Call, answer: Answer[Any]) -> Answer[Any]:
    """The answer, with what the host itself has to say in it."""
    value: object = answer.value
    if not isinstance(value, Transformation):
        return answer
    diff = tree_diff(cast(Tree, call.value("tree")), value.tree)
    if diff == value.diff:
        return answer
    return replace(answer, value=replace(value, diff=diff))


class Dispatcher:
    """The registry of a host. Filled once, then only read: thread-safe."""

    def __init__(self) -> None:
        self._hooks = _Hooks("lockgate")
        for cls in spec_classes():
            self._hooks.add_hookspecs(cls)
        self._seats: dict[str, Seat] = {}
        self._orders: dict[str, tuple[Seat, ...]] = {}

    def add(self, seat: Seat, hooks: Mapping[str, Order]) -> None:
        """Register a plugin; of two without a wish the later one is asked first."""
        known: dict[str, Order]
        known = {name: order for name, order in hooks.items() if name in specs()}
        self._hooks.register(_Proxy(known), name=seat.identity.plugin)
        self._seats[seat.identity.plugin] = seat
        self._orders.clear()

    def implementers(self, hook: str) -> tuple[str, ...]:
        """The plugins that answer `hook`, in the order in which they are asked."""
        return tuple(seat.identity.plugin for seat in self._order(hook))

    def _order(self, hook: str) -> tuple[Seat, ...]:
        """The seats that answer `hook`, as pluggy would ask them."""
        order = self._orders.get(hook)
        if order is None:
            caller: pluggy.HookCaller = getattr(self._hooks.hook, hook)
            impls = reversed(caller.get_hookimpls())
            order = tuple(self._seats[impl.plugin_name] for impl in impls)
            self._orders[hook] = order
        return order

    def run(self, call: Call, *, plugin: str | None = None) -> Answers[Any]:
        """Ask every plugin that answers the hook, or only `plugin`.

        Raises:
            LockgateError: If a plugin fails and the hook's policy is ``fail``.
            ExceptionGroup: If plugins failed and the policy is ``collect``.
        """
        spec, asked, failed = call.spec, call.asked, call.failed
        items: list[Answer[Any]] = []
        for seat in self._order(spec.name):
            who = seat.identity
            if plugin is not None and who.plugin != plugin:
                continue
            asked.append(who.plugin)
            try:
                answer = seat.ask(call)
                if answer is None:
                    continue
                items.append(_completed(call, answer))
            except HostClosedError:
                raise
            except LockgateError as error:
                if call.fail_fast:
                    raise
                failed.append(HookFailure(who.plugin, who.version, error))
                continue
            if spec.options.firstresult:
                break
        if failed and spec.failure == "collect":
            message = f"the hook {spec.name!r} failed"
            raise ExceptionGroup(message, [failure.error for failure in failed])
        return Answers(spec.name, tuple(items), tuple(failed), tuple(asked))
