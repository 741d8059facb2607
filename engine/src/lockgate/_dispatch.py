"""Who is asked, one after the other, and what becomes of failures.

A plugin stands here with what its manifest says about each hook. The order
(`lockgate._order`) is worked out once per hook; a call then goes straight to the
plugins' seats, which know what stands behind them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Protocol, cast

from lockgate._answers import Answer, Answers, HookFailure
from lockgate._call import Call
from lockgate._config_values import HookOrder
from lockgate._diff import tree_diff
from lockgate._manifest_values import HookImpl
from lockgate._order import arrange
from lockgate._specs import specs
from lockgate.errors import HostClosedError, LockgateError
from lockgate.grants import Identity
from lockgate.values import Transformation, Tree

__all__ = ["Dispatcher", "Seat"]


class Seat(Protocol):
    """A plugin as dispatch sees it."""

    @property
    def identity(self) -> Identity:
        """Who it is."""
        ...

    def ask(self, call: Call) -> Answer[object] | None:
        """Put the call to the plugin; None if it has no answer."""
        ...


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

    def __init__(self, owner: Mapping[str, HookOrder] | None = None) -> None:
        self._owner = owner or {}
        self._seats: dict[str, Seat] = {}
        self._impls: dict[str, dict[str, HookImpl]] = {name: {} for name in specs()}
        self._orders: dict[str, tuple[Seat, ...]] = {}

    def add(self, seat: Seat, impls: Iterable[HookImpl]) -> None:
        """Register a plugin and the hooks that it answers."""
        plugin = seat.identity.plugin
        self._seats[plugin] = seat
        for impl in impls:
            if impl.hook in self._impls:
                self._impls[impl.hook][plugin] = impl
        self._orders.clear()

    def implementers(self, hook: str) -> tuple[str, ...]:
        """The plugins that answer `hook`, in the order in which they are asked."""
        return tuple(seat.identity.plugin for seat in self._order(hook))

    def _order(self, hook: str) -> tuple[Seat, ...]:
        """The seats that answer `hook`, in the order in which they are asked."""
        order = self._orders.get(hook)
        if order is None:
            owner = self._owner.get(hook, HookOrder())
            places = arrange(self._impls[hook], owner)
            order = tuple(self._seats[place.plugin] for place in places)
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
